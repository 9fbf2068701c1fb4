// SPDX-License-Identifier: Apache-2.0
// The documents know every command and option. Run from the top of the source tree.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "apps/calicoctl/commands.h"
#include "base/file.h"
#include "base/text.h"

namespace calico::calicoctl {
namespace {

const std::string kPages = "docs/reference/calicoctl/";

// "datastore-migrate.md" for "datastore migrate export": commands that belong together share a page.
std::string PageOf(std::vector<std::string> path) {
  while (path.size() > 1 && !ReadFile(kPages + Join(path, "-") + ".md").has_value()) path.pop_back();
  return Join(path, "-") + ".md";
}

TEST(Documents, HaveAPageOfEveryCommandWithAllItsOptions) {
  const std::string index = ReadFile(kPages + "README.md").value_or("");
  const std::string of_all = index + ReadFile(kPages + "connection.md").value_or("");
  for (const Command& command : AllCommands()) {
    if (command.hidden) continue;
    const std::string name = PageOf(command.path);
    const std::string page = ReadFile(kPages + name).value_or("");
    EXPECT_NE(page.find("calicoctl " + Join(command.path, " ")), std::string::npos)
        << kPages << name << " does not show 'calicoctl " << Join(command.path, " ") << "'";
    EXPECT_NE(index.find("(" + name + ")"), std::string::npos)
        << kPages << "README.md does not name " << name;
    for (const Option& option : command.options) {
      const std::string short_form =
          option.short_name == 0 ? option.name : fmt::format(" -{}", option.short_name);
      const std::string quoted =
          option.short_name == 0 ? option.name : fmt::format("`-{}", option.short_name);
      const bool explained =
          page.find(option.name) != std::string::npos || page.find(short_form) != std::string::npos ||
          page.find(quoted) != std::string::npos || of_all.find(option.name) != std::string::npos;
      EXPECT_TRUE(explained) << kPages << name << " does not explain " << option.name;
    }
  }
}

}  // namespace
}  // namespace calico::calicoctl
