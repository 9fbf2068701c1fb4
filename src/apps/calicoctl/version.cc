// SPDX-License-Identifier: Apache-2.0
// Reference calicoctl C.3; values start at column 20. The line about the store is ours.
#include "apps/calicoctl/version.h"

#include <fmt/format.h>

namespace calico::calicoctl {
namespace {

void PrintLine(std::ostream& out, const std::string& name, const std::string& value) {
  out << fmt::format("{:<19}{}\n", name, value.empty() ? "unknown" : value);
}

}  // namespace

void PrintClientVersion(std::ostream& out) {
  PrintLine(out, "Client Version:", CALICO_VERSION);
  PrintLine(out, "Git commit:", CALICO_GIT_COMMIT);
}

int PrintClusterVersion(const Session& session, const std::string& reason) {
  const auto stored =
      session.resources().Get(model::Key::Resource(model::Kind::kClusterInformation, "default"));
  if (!stored.has_value() && stored.error().code() != ErrorCode::kNotFound) {
    session.err << "unable to retrieve Cluster Version or Type: " << stored.error().message() << '\n';
    return 1;
  }
  model::ClusterInformation information;  // nothing has been started on this store yet: all unknown
  if (stored.has_value()) information = std::get<model::ClusterInformation>(stored->object);
  PrintLine(session.out, "Cluster Version:", information.calico_version);
  PrintLine(session.out, "Cluster Type:", information.cluster_type);
  PrintLine(session.out, "Datastore:", fmt::format("{} ({})", session.client.name(), reason));
  return 0;
}

}  // namespace calico::calicoctl
