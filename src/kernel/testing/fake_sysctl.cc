// SPDX-License-Identifier: Apache-2.0
#include "kernel/testing/fake_sysctl.h"

#include <cerrno>

namespace calico::kernel::testing {

Result<std::string> FakeSysctl::Read(const std::string& key) {
  RETURN_IF_ERROR(script_.OnRead("read " + key));
  ASSIGN_OR_RETURN(const std::string* value, Find(key));
  return *value;
}

Status FakeSysctl::Write(const std::string& key, const std::string& value) {
  RETURN_IF_ERROR(script_.OnWrite("write " + key + "=" + value));
  ASSIGN_OR_RETURN(std::string * stored, Find(key));
  *stored = value;
  return Ok();
}

Result<std::string*> FakeSysctl::Find(const std::string& key) {
  if (key.find("..") != std::string::npos)
    return Error(ErrorCode::kInvalidArgument, "sysctl " + key + ": bad key");
  const auto found = values_.find(key);
  if (found == values_.end()) return Error::FromErrno(ENOENT, "sysctl " + key);
  return &found->second;
}

}  // namespace calico::kernel::testing
