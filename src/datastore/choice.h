// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/result.h"
#include "datastore/client.h"

namespace calico::datastore {

enum class StoreType { kEtcdV2, kEtcdV3, kSqlite };

struct EtcdOptions {
  std::vector<std::string> endpoints;  // "http://10.0.0.1:2379" or https
  std::string username, password;      // used if both are set
  std::string ca_file, cert_file, key_file;
  std::string ca_pem, cert_pem, key_pem;
  Duration call_timeout = std::chrono::seconds(10);
};

// Which store, and why: one decision shared by calico-node, calicoctl and (later) CNI.
struct StoreChoice {
  StoreType type = StoreType::kSqlite;
  EtcdOptions etcd;
  std::string sqlite_path;
  bool create_sqlite = false;  // only calico-node makes the file
  std::string reason;          // "ETCD_ENDPOINTS is set", "/etc/calico/calicoctl.cfg"
};

enum class Program { kNode, kCalicoctl };

inline constexpr char kDefaultConfigFile[] = "/etc/calico/calicoctl.cfg";
inline constexpr char kDefaultSqlitePath[] = "/var/lib/calico/calico.db";

// design.md section 2: DATASTORE_TYPE wins; else the config file (for kNode only when no ETCD_* variable is
// set); else ETCD_ENDPOINTS; else SQLite, where only calico-node creates the file. Each variable may be
// prefixed CALICO_. A file named by the user (`config_file`) wins over all of this; empty =
// kDefaultConfigFile if it exists. Errors are the reference's (calicoctl A.3, datastore-model A.5).
Result<StoreChoice> ChooseStore(const Environment& environment, const std::string& config_file,
                                Program program);

// Connects (etcd: lazily). kUnsupported for types this version lacks.
Result<std::unique_ptr<Client>> OpenStore(const StoreChoice& choice);

}  // namespace calico::datastore
