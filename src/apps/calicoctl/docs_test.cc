// SPDX-License-Identifier: Apache-2.0
// Each command has a page in the documents whose usage is the one that the program prints. Run from the top
// of the source tree.
#include <gtest/gtest.h>

#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/help.h"
#include "base/file.h"
#include "base/text.h"
#include "model/key.h"

namespace calico::calicoctl {
namespace {

const std::string kPages = "docs/reference/calicoctl/";

TEST(Documents, HaveAPageOfEveryCommandWithItsUsage) {
  const std::string index = ReadFile(kPages + "README.md").value_or("");
  for (const Command& command : AllCommands()) {
    if (command.hidden) continue;
    const std::string name = Join(command.path, "-") + ".md";
    const auto page = ReadFile(kPages + name);
    if (!page.has_value()) {
      ADD_FAILURE() << "there is no page " << kPages << name;
      continue;
    }
    EXPECT_NE(page->find("\n```text\n" + UsageSection(command) + "```\n"), std::string::npos)
        << kPages << name << " has another usage than --help: run tools/update_usage.py";
    EXPECT_NE(index.find("(" + name + ")"), std::string::npos)
        << kPages << "README.md does not name " << name;
  }
}

// The row of a kind as the index has it.
TEST(Documents, ListEveryKindWithItsNames) {
  const std::string index = ReadFile(kPages + "README.md").value_or("");
  for (int i = 0; i <= static_cast<int>(model::kLastResourceKind); ++i) {
    const auto kind = static_cast<model::Kind>(i);
    if (!model::IsResource(kind) || !model::IsManaged(kind)) continue;
    const std::string row = "| " + std::string(model::KindName(kind)) + " | " +
                            Join(model::KindAliases(kind), ", ") + " | " +
                            (model::IsNamespaced(kind) ? "yes" : "no") + " |\n";
    EXPECT_NE(index.find(row), std::string::npos) << "missing in " << kPages << "README.md: " << row;
  }
}

}  // namespace
}  // namespace calico::calicoctl
