// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
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
  std::string reason;          // "DATASTORE_TYPE is set", "/etc/calico/calicoctl.cfg"
  bool by_content = false;     // decided by what the servers hold: nothing to check any more
};

enum class Program { kNode, kCalicoctl };

inline constexpr char kDefaultConfigFile[] = "/etc/calico/calicoctl.cfg";
inline constexpr char kDefaultSqlitePath[] = "/var/lib/calico/calico.db";

// What the decision asks the network, and only when it needs to. Tests have answers of their own.
struct Probes {
  // Whether the servers hold keys of Calico 2.6 (/calico in etcd's v2 API), of Calico 3 (/calico/ in etcd
  // v3).
  std::function<Result<bool>(const EtcdOptions&)> holds_v2, holds_v3;
  // The endpoints that DNS SRV records of the domain name.
  std::function<Result<std::vector<std::string>>(const std::string& domain)> discover;
};
const Probes& NetworkProbes();

// design.md section 2: DATASTORE_TYPE wins; else the config file (for kNode only when no ETCD_* variable is
// set); else, with ETCD_ENDPOINTS, the generation whose data the servers hold; else SQLite, where only
// calico-node creates the file. Each variable may be prefixed CALICO_. A file named by the user
// (`config_file`) wins over all of this; empty = kDefaultConfigFile if it exists. That one counts as absent
// while all of it is comments, as the package installs it. Errors are the reference's (calicoctl A.3,
// datastore-model A.5). kUnavailable: servers, or DNS, have to be asked and do not answer.
Result<StoreChoice> ChooseStore(const Environment& environment, const std::string& config_file,
                                Program program, const Probes& probes = NetworkProbes());

// Connects (etcd: lazily).
Result<std::unique_ptr<Client>> OpenStore(const StoreChoice& choice);

// Whoever asks for one generation while only the other one holds data would see an empty store: an error that
// says so. One read as a rule; the servers are asked further only when it finds nothing.
Status CheckGeneration(const StoreChoice& choice, Client& client, const Probes& probes = NetworkProbes());

}  // namespace calico::datastore
