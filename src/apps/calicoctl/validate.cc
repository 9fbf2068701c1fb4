// SPDX-License-Identifier: Apache-2.0
#include "model/validate/validate.h"

#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/outcome.h"
#include "apps/calicoctl/resource_input.h"
#include "apps/calicoctl/session.h"
#include "model/codec/json.h"

namespace calico::calicoctl {
namespace {

Status ValidateOne(model::Document& document) {
  model::Metadata& metadata = model::MetadataOf(document.object);
  ASSIGN_OR_RETURN(metadata.ns, ResolveNamespace(model::KeyOf(document.object).kind, metadata.ns, true, {}));
  return model::ValidateFields(document.object);
}

int RunValidate(const Session& session) {
  Result<std::vector<model::Document>> documents = ReadDocuments(session);
  if (!documents.has_value())
    return session.Fail("failed to execute command: " + documents.error().message());
  if (documents->empty()) return NothingGiven(session);
  Outcome outcome{documents->size(), 0, KindOf(*documents), {}};
  for (model::Document& document : *documents) outcome.Add(ValidateOne(document));
  return Report(session, {"validate", "validated", "hit error(s)"}, outcome);
}

}  // namespace

std::vector<Command> ValidateCommands() {
  Command validate;
  validate.path = {"validate"};
  validate.summary = "Check a file of resources without a store";
  validate.description =
      "Checks each field. What needs other resources or is checked after defaults were filled in, create "
      "and\n"
      "apply check.";
  validate.options = {
      FilenameOption(),
      {"--recursive", 'R', "", "look into sub-directories of the directory given with --filename"},
      {"--skip-empty", 0, "", "files and directories without resources are no error"},
      ContextOption(),
      AllowVersionMismatchOption()};
  validate.examples = "calicoctl validate -f policy.yaml";
  validate.options.front().required = true;
  validate.needs_store = false;
  validate.run = RunValidate;
  return {validate};
}

}  // namespace calico::calicoctl
