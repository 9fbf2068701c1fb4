// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "apps/calicoctl/session.h"
#include "model/codec/document.h"

// How verbs that work on several resources tell what came of it (reference calicoctl B.2; D.4
// on a store of Calico 2.6).
namespace calico::calicoctl {

// How a verb speaks of itself.
struct Wording {
  std::string verb;           // "create"
  std::string past;           // "created"
  std::string errors_follow;  // before the list of errors after a partial success
};

// What was done so far.
struct Outcome {
  std::size_t total = 0;
  std::size_t done = 0;
  std::string kind;  // as written if all are of one kind, else empty
  std::vector<std::string> errors;

  void Add(const Status& status);
  std::string Quoted() const;  // "'IPPool' ", or nothing
};

// v1 documents are answered with v1's spelling: "ipPool".
std::string KindOf(const std::vector<model::Document>& documents);

int NothingGiven(const Session& session);
// Prints what was done; the exit code. Upstream says "Partial success" only if more succeeded than failed,
// and its replace counts failures as done. We say how many were really done whenever it is at least one.
int Report(const Session& session, const Wording& wording, const Outcome& outcome);

}  // namespace calico::calicoctl
