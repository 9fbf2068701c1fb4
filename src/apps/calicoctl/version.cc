// SPDX-License-Identifier: Apache-2.0
// Reference calicoctl C.3; values start at column 20. The line about the store is ours.
#include <fmt/format.h>

#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/session.h"

namespace calico::calicoctl {
namespace {

void PrintLine(std::ostream& out, const std::string& name, const std::string& value) {
  out << fmt::format("{:<19}{}\n", name, value.empty() ? "unknown" : value);
}

void PrintClientVersion(std::ostream& out) {
  PrintLine(out, "Client Version:", CALICO_VERSION);
  PrintLine(out, "Git commit:", CALICO_GIT_COMMIT);
}

int PrintClusterVersion(const Session& session, const OpenedStore& store) {
  const auto stored = datastore::Resources(*store.client, session.clock())
                          .Get(model::Key::Resource(model::Kind::kClusterInformation, "default"));
  if (!stored.has_value() && stored.error().code() != ErrorCode::kNotFound) {
    return session.Fail("unable to retrieve Cluster Version or Type: " + stored.error().message());
  }
  model::ClusterInformation information;  // nothing has been started on this store yet: all unknown
  if (stored.has_value()) information = std::get<model::ClusterInformation>(stored->object);
  PrintLine(session.out(), "Cluster Version:", information.calico_version);
  PrintLine(session.out(), "Cluster Type:", information.cluster_type);
  PrintLine(session.out(), "Datastore:", fmt::format("{} ({})", store.client->name(), store.reason));
  return 0;
}

int RunVersion(const Session& session) {
  PrintClientVersion(session.out());
  if (session.arguments.Has("--client")) return 0;
  const Result<OpenedStore> store = session.surroundings.open(session.arguments.Text("--config"));
  if (!store.has_value()) return session.Fail(store.error().message());
  return PrintClusterVersion(session, *store);
}

}  // namespace

std::vector<Command> VersionCommands() {
  Command version;
  version.path = {"version"};
  version.summary = "Show the versions of this program and of the cluster, and which store is used";
  version.options = Joined({{"--client", 0, "", "this program only"}}, ConnectionOptions());
  version.examples = "calicoctl version";
  version.needs_store = false;  // the first lines need none
  version.run = RunVersion;
  return {version};
}

}  // namespace calico::calicoctl
