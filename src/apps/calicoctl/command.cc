// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/command.h"

#include <unistd.h>

#include "apps/calicoctl/arguments.h"
#include "apps/calicoctl/get.h"
#include "apps/calicoctl/ipam_show.h"
#include "apps/calicoctl/node_status.h"
#include "apps/calicoctl/version.h"
#include "apps/calicoctl/write_verbs.h"
#include "datastore/choice.h"

namespace calico::calicoctl {
namespace {

// `node status` is asked when something is wrong: a store that is away must not hold it up for long.
constexpr Duration kPoolsTimeout = std::chrono::seconds(3);

struct OpenedStore {
  std::string reason;
  std::unique_ptr<datastore::Client> client;
};

Result<OpenedStore> Open(const Arguments& arguments, const Environment& environment) {
  ASSIGN_OR_RETURN(
      const datastore::StoreChoice choice,
      datastore::ChooseStore(environment, arguments.config_file, datastore::Program::kCalicoctl));
  ASSIGN_OR_RETURN(std::unique_ptr<datastore::Client> client, datastore::OpenStore(choice));
  return OpenedStore{choice.reason, std::move(client)};
}

Result<std::vector<model::IPPool>> ReadPools(const Arguments& arguments, const Environment& environment,
                                             const Clock& clock) {
  ASSIGN_OR_RETURN(const OpenedStore store, Open(arguments, environment));
  const auto hurried = store.client->WithDeadline(clock.Now() + kPoolsTimeout);
  ASSIGN_OR_RETURN(const datastore::ObjectList list,
                   datastore::Resources(*hurried, clock).List(model::Kind::kIPPool));
  std::vector<model::IPPool> pools;
  for (const datastore::Stored& stored : list.items) pools.push_back(std::get<model::IPPool>(stored.object));
  return pools;
}

}  // namespace

int RunOnStore(const Session& session, const std::string& reason) {
  switch (session.arguments.verb) {
    case Verb::kGet:
      return RunGet(session);
    case Verb::kCreate:
      return RunCreate(session);
    case Verb::kApply:
      return RunApply(session);
    case Verb::kReplace:
      return RunReplace(session);
    case Verb::kDelete:
      return RunDelete(session);
    case Verb::kIpamShow:
      return RunIpamShow(session);
    case Verb::kVersion:
      return PrintClusterVersion(session, reason);
    case Verb::kNodeStatus:
      break;  // does not need the store to answer
  }
  return 1;
}

int RunCommand(const std::vector<std::string>& words, const Environment& environment, std::istream& in,
               std::ostream& out, std::ostream& err) {
  const ParsedArguments parsed = ParseArguments(words);
  out << parsed.out;
  err << parsed.err;
  if (!parsed.arguments) return parsed.exit_code;
  const Arguments& arguments = *parsed.arguments;
  const SystemClock clock;

  if (arguments.verb == Verb::kNodeStatus) {
    NodeStatusSources sources;
    sources.is_root = ::geteuid() == 0;
    sources.pools = [&] { return ReadPools(arguments, environment, clock); };
    return RunNodeStatus(sources, out, err);
  }
  if (arguments.verb == Verb::kVersion) {
    PrintClientVersion(out);
    if (arguments.client_only) return 0;
  }
  const Result<OpenedStore> store = Open(arguments, environment);
  if (!store.has_value()) {
    err << store.error().message() << '\n';
    return 1;
  }
  return RunOnStore({arguments, *store->client, clock, in, out, err}, store->reason);
}

}  // namespace calico::calicoctl
