// SPDX-License-Identifier: Apache-2.0
// Reference calicoctl C.3 and D.10; values start at column 20. The line about the store is ours.
#include "apps/calicoctl/version.h"

#include <fmt/format.h>

#include "apps/calicoctl/commands.h"
#include "base/text.h"

namespace calico::calicoctl {
namespace {

std::string Line(const std::string& name, const std::string& value) {
  return fmt::format("{:<19}{}\n", name, value.empty() ? "unknown" : value);
}

// Calico 2.6 shows the date, too.
std::string ClientLines(bool calico26) {
  return Line("Client Version:", CALICO_VERSION) + (calico26 ? Line("Build date:", CALICO_BUILD_DATE) : "") +
         Line("Git commit:", CALICO_GIT_COMMIT);
}

Result<std::string> ClusterLines(const Session& session, const OpenedStore& store) {
  const auto stored = datastore::Resources(*store.client, session.clock())
                          .Get(model::Key::Resource(model::Kind::kClusterInformation, "default"));
  if (!stored.has_value() && stored.error().code() != ErrorCode::kNotFound) {
    return Error(stored.error().code(),
                 "unable to retrieve Cluster Version or Type: " + stored.error().message());
  }
  model::ClusterInformation information;  // nothing has been started on this store yet: all unknown
  if (stored.has_value()) information = std::get<model::ClusterInformation>(stored->object);
  return Line("Cluster Version:", information.calico_version) +
         Line("Cluster Type:", information.cluster_type) +
         Line("Datastore:", fmt::format("{} ({})", store.client->name(), store.reason));
}

int RunVersion(const Session& session) {
  const std::string poll = session.arguments.Text("--poll");
  const std::optional<long long> period = ParseGoDuration(poll);
  if (!poll.empty() && (!period || *period <= 0))
    return session.Fail("invalid poll duration specified: " + poll);
  if (session.arguments.Has("--client")) {
    session.out() << ClientLines(false);
    return 0;
  }
  const Result<OpenedStore> store = session.surroundings.open(session.arguments.Text("--config"));
  session.out() << ClientLines(store.has_value() && store->client->dialect() == datastore::Dialect::kCalico26)
                << std::flush;
  if (!store.has_value()) return session.Fail(store.error().message());
  if (period) {
    return PollClusterVersion(session, *store, Duration(*period), [](Duration duration) {
      SleepFor(duration);
      return true;
    });
  }
  const Result<std::string> lines = ClusterLines(session, *store);
  if (!lines.has_value()) return session.Fail(lines.error().message());
  session.out() << *lines;
  return 0;
}

}  // namespace

int PollClusterVersion(const Session& session, const OpenedStore& store, Duration period,
                       const std::function<bool(Duration)>& wait) {
  std::string printed, said;
  do {
    const Result<std::string> lines = ClusterLines(session, store);
    const std::string error = lines.has_value() ? "" : lines.error().message();
    if (lines.has_value() && *lines != printed) {
      printed = *lines;
      session.out() << printed << std::flush;
    }
    if (!error.empty() && error != said) session.err() << error << std::endl;
    said = error;
  } while (wait(period));
  return 0;
}

std::vector<Command> VersionCommands() {
  Command version;
  version.path = {"version"};
  version.summary = "Show the versions of this program and of the cluster, and which store is used";
  version.options =
      Joined({{"--client", 0, "", "this program only"},
              {"--poll", 0, "POLL",
               "ask again after that time (10s, 1m30s, ...), for ever, and print what changes"}},
             ConnectionOptions());
  version.examples = "calicoctl version\ncalicoctl version --poll=10s";
  version.needs_store = false;  // the first lines need none
  version.run = RunVersion;
  return {version};
}

}  // namespace calico::calicoctl
