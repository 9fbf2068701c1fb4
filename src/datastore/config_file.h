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

// calicoctl.cfg in both forms: `projectcalico.org/v3` CalicoAPIConfig and `v1` calicoApiConfig, each with its
// own keys (reference calicoctl A.3, D.2). Strict: an unknown key is an error, with line and column. Errors
// start "syntax error in <file>: ". A file of 2.6 without a type means etcdv2; otherwise `type` stays empty.
Result<StoreSettings> ReadConfigFile(const std::string& path);

}  // namespace calico::datastore
