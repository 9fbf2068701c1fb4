// SPDX-License-Identifier: Apache-2.0
#include "base/terminal.h"

#include <cstdlib>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/unique_fd.h"

namespace calico {
namespace {

Environment With(std::map<std::string, std::string> variables) {
  return Environment(std::move(variables));
}

TEST(Colour, IsForTerminalsThatKnowIt) {
  const UniqueFd terminal(::posix_openpt(O_RDWR | O_NOCTTY));
  ASSERT_TRUE(terminal.valid());
  EXPECT_TRUE(ColourWanted(With({{"TERM", "xterm"}}), terminal.get()));
  EXPECT_FALSE(ColourWanted(With({{"TERM", "dumb"}}), terminal.get()));
  EXPECT_FALSE(ColourWanted(With({}), terminal.get()));
  EXPECT_FALSE(ColourWanted(With({{"TERM", "xterm"}, {"NO_COLOR", "1"}}), terminal.get()));
}

TEST(Colour, IsNotForPipesAndFiles) {
  int fds[2];
  ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  const UniqueFd read(fds[0]), write(fds[1]);
  EXPECT_FALSE(IsTerminal(write.get()));
  EXPECT_FALSE(ColourWanted(With({{"TERM", "xterm"}}), write.get()));
}

}  // namespace
}  // namespace calico
