// SPDX-License-Identifier: Apache-2.0
// create, apply and replace.
#include <functional>

#include "apps/calicoctl/blocked.h"
#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/outcome.h"
#include "apps/calicoctl/resource_input.h"
#include "apps/calicoctl/session.h"
#include "apps/calicoctl/write_run.h"
#include "datastore/initialisation.h"
#include "model/codec/json.h"

namespace calico::calicoctl {
namespace {

using model::Document;
using model::Kind;

template <typename T>
Status Dropped(const Result<T>& result) {
  if (!result.has_value()) return Error(result.error());
  return Ok();
}

// `write` is one resource's part of the verb.
int WriteAll(const Session& session, Operation operation, const Wording& wording,
             const std::function<Status(datastore::Resources&, model::Object)>& write) {
  Result<std::vector<Document>> documents = ReadDocuments(session);
  if (!documents.has_value())
    return session.Fail("failed to execute command: " + documents.error().message());
  if (documents->empty()) return NothingGiven(session);

  // A store that nothing was ever written to lacks what others rely on. That this fails is no reason to stop.
  if (DialectOf(session) == model::ApiVersion::kV3)
    static_cast<void>(datastore::EnsureInitialised(session.client(), session.clock(), {}));

  Outcome outcome{documents->size(), 0, KindOf(*documents), {}};
  Identities identities(session);
  std::vector<Item> items;
  items.reserve(documents->size());
  for (Document& document : *documents) {
    const Status resolved = [&]() -> Status {
      RETURN_IF_ERROR(identities.Resolve(document));
      return CheckAllowed(operation, model::KeyOf(document.object), DialectOf(session));
    }();
    // What `get -o yaml` printed may be created again: it becomes a new resource.
    model::Metadata& metadata = model::MetadataOf(document.object);
    metadata.uid.clear();
    metadata.creation_timestamp.clear();
    const model::Key key = model::KeyOf(document.object);
    const auto write_one = [&document, resolved, &write](datastore::Resources& resources) -> Status {
      RETURN_IF_ERROR(resolved);
      return write(resources, std::move(document.object));
    };
    items.push_back({key, write_one, key.kind == Kind::kIPPool});
  }
  for (const Status& status : WriteItems(session, items, wording.past)) outcome.Add(status);
  return Report(session, wording, outcome);
}

int RunCreate(const Session& session) {
  const bool skip_existing = session.arguments.Has("--skip-exists");
  return WriteAll(
      session, Operation::kCreate, {"create", "created", "hit error"},
      [&](datastore::Resources& resources, model::Object object) -> Status {
        const auto created = resources.Create(std::move(object));
        if (!created.has_value() && skip_existing && created.error().code() == ErrorCode::kAlreadyExists) {
          return Ok();
        }
        return Dropped(created);
      });
}

int RunApply(const Session& session) {
  return WriteAll(session, Operation::kApply, {"apply", "applied", "hit error(s)"},
                  [](datastore::Resources& resources, model::Object object) {
                    return Dropped(resources.Apply(std::move(object)));
                  });
}

int RunReplace(const Session& session) {
  return WriteAll(session, Operation::kReplace, {"replace", "replaced", "hit error"},
                  [](datastore::Resources& resources, model::Object object) {
                    return Dropped(resources.Replace(std::move(object)));
                  });
}

Command FileVerb(const std::string& name, const std::string& summary, int (*run)(const Session&)) {
  Command command;
  command.path = {name};
  command.summary = summary;
  command.options = InputOptions();  // --filename first
  command.examples = "calicoctl " + name + " -f pool.yaml\ncat pool.yaml | calicoctl " + name + " -f -";
  command.options.front().required = true;
  command.run = run;
  return command;
}

}  // namespace

std::vector<Command> WriteCommands() {
  Command create = FileVerb("create", "Create resources", RunCreate);
  create.options = Joined({{"--skip-exists", 0, "", "resources that exist are no error"}}, create.options);
  Command apply = FileVerb("apply", "Create resources, or replace those that exist", RunApply);
  Command replace = FileVerb("replace", "Replace resources that exist", RunReplace);
  return {create, apply, replace};
}

}  // namespace calico::calicoctl
