// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/text.h"

namespace calico::calicoctl::testing {

// A directory of its own, first in PATH, where a test puts shell scripts in the place of programs.
class FakePrograms final {
 public:
  FakePrograms() : path_before_(std::getenv("PATH")) {
    EXPECT_TRUE(MakeDirectories(directory_).has_value());
    ::setenv("PATH", (directory_ + ":" + path_before_).c_str(), 1);
  }
  ~FakePrograms() {
    ::setenv("PATH", path_before_.c_str(), 1);
    std::filesystem::remove_all(directory_);
  }
  FakePrograms(const FakePrograms&) = delete;
  FakePrograms& operator=(const FakePrograms&) = delete;

  void Add(const std::string& name, const std::string& script) {
    EXPECT_TRUE(WriteFileAtomically(directory_ + "/" + name, "#!/bin/sh\n" + script, 0755).has_value());
  }
  // Nothing else is found.
  void HideOthers() { ::setenv("PATH", directory_.c_str(), 1); }
  const std::string& directory() const { return directory_; }

 private:
  const std::string path_before_;
  const std::string directory_ =
      (std::filesystem::temp_directory_path() / ("programs-" + RandomUuid())).string();
};

}  // namespace calico::calicoctl::testing
