// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/outcome.h"

#include <fmt/format.h>

#include "apps/calicoctl/resource_input.h"
#include "base/text.h"

namespace calico::calicoctl {

void Outcome::Add(const Status& status) {
  if (status.has_value()) {
    ++done;
  } else {
    errors.push_back(status.error().message());
  }
}

std::string Outcome::Quoted() const {
  return kind.empty() ? "" : fmt::format("'{}' ", kind);
}

std::string KindOf(const std::vector<model::Document>& documents) {
  std::string as_written;
  for (const model::Document& document : documents) {
    if (!as_written.empty() && as_written != document.kind_as_written) return {};
    as_written = document.kind_as_written;
  }
  return as_written;
}

int NothingGiven(const Session& session) {
  session.out() << "No resources specified\n";
  return 0;
}

int Report(const Session& session, const Wording& wording, const Outcome& outcome) {
  if (outcome.errors.empty()) {
    session.out() << fmt::format("Successfully {} {} {}resource(s)\n", wording.past, outcome.done,
                                 outcome.Quoted());
    return 0;
  }
  const bool v1 = DialectOf(session) == model::ApiVersion::kV1;
  const std::string errors =
      v1 && outcome.errors.size() == 1 ? outcome.errors.front() : "[" + Join(outcome.errors, " ") + "]";
  if (outcome.done == 0) {
    const bool one = outcome.total == 1;
    return session.Fail(fmt::format("{} to {} {}{}resource{}: {}", v1 ? "Failed" : "failed", wording.verb,
                                    one ? "" : "any ", outcome.Quoted(), one ? "" : "s", errors));
  }
  session.out() << fmt::format("Partial success: {} the first {} out of {} {}resources:\n", wording.past,
                               outcome.done, outcome.total, outcome.Quoted());
  return session.Fail((v1 ? "Hit error" : wording.errors_follow) + ": " + errors);
}

}  // namespace calico::calicoctl
