// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "datastore/choice.h"

namespace calico::datastore {

// What a config file or the environment says about the store, before anything is decided.
struct StoreSettings {
  std::string type;       // "etcdv3", "sqlite", …; empty = not said
  std::string endpoints;  // comma-separated URLs
  std::string discovery_srv;
  std::string sqlite_path;
  EtcdOptions etcd;  // without endpoints
};

// calicoctl.cfg in both forms: `projectcalico.org/v3` CalicoAPIConfig and `v1` calicoApiConfig (reference
// calicoctl A.3, D.2). Strict: unknown keys are errors. Every error starts "syntax error in <file>: ".
Result<StoreSettings> ReadConfigFile(const std::string& path);

}  // namespace calico::datastore
