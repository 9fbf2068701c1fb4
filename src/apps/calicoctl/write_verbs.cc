// SPDX-License-Identifier: Apache-2.0
// create, apply and replace.
#include <functional>
#include <span>

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

// A verb's part for some resources: the results in their order.
using WriteMany =
    std::function<std::vector<Result<datastore::Stored>>(datastore::Resources&, std::vector<model::Object>)>;

int WriteAll(const Session& session, Operation operation, const Wording& wording, bool skip_existing,
             const WriteMany& write_many) {
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
  std::vector<Status> resolved;  // whether the item may be written at all
  for (Document& document : *documents) {
    resolved.push_back([&]() -> Status {
      RETURN_IF_ERROR(identities.Resolve(document));
      return CheckAllowed(operation, model::KeyOf(document.object), DialectOf(session));
    }());
    // What `get -o yaml` printed may be created again: it becomes a new resource.
    model::Metadata& metadata = model::MetadataOf(document.object);
    metadata.uid.clear();
    metadata.creation_timestamp.clear();
    const model::Key key = model::KeyOf(document.object);
    items.push_back({key, key.kind == Kind::kIPPool});
  }
  const auto write = [&](datastore::Resources& resources, std::size_t first, std::span<Status> statuses) {
    std::vector<model::Object> objects;
    for (std::size_t i = 0; i < statuses.size(); ++i) {
      if (resolved[first + i].has_value()) objects.push_back(std::move((*documents)[first + i].object));
    }
    const auto results = write_many(resources, std::move(objects));
    auto result = results.begin();
    for (std::size_t i = 0; i < statuses.size(); ++i) {
      if (!resolved[first + i].has_value()) {
        statuses[i] = resolved[first + i];
        continue;
      }
      const bool skipped =
          skip_existing && !result->has_value() && result->error().code() == ErrorCode::kAlreadyExists;
      if (!result->has_value() && !skipped) statuses[i] = result->error();
      ++result;
    }
  };
  for (const Status& status : WriteItems(session, items, write, wording.past)) outcome.Add(status);
  return Report(session, wording, outcome);
}

int RunCreate(const Session& session) {
  return WriteAll(session, Operation::kCreate, {"create", "created", "hit error"},
                  session.arguments.Has("--skip-exists"),
                  [](datastore::Resources& resources, std::vector<model::Object> objects) {
                    return resources.CreateAll(std::move(objects));
                  });
}

int RunApply(const Session& session) {
  return WriteAll(session, Operation::kApply, {"apply", "applied", "hit error(s)"}, false,
                  [](datastore::Resources& resources, std::vector<model::Object> objects) {
                    return resources.ApplyAll(std::move(objects));
                  });
}

int RunReplace(const Session& session) {
  return WriteAll(session, Operation::kReplace, {"replace", "replaced", "hit error"}, false,
                  [](datastore::Resources& resources, std::vector<model::Object> objects) {
                    std::vector<Result<datastore::Stored>> results;
                    for (model::Object& object : objects)
                      results.push_back(resources.Replace(std::move(object)));
                    return results;
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
