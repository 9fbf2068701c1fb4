// SPDX-License-Identifier: Apache-2.0
#include <functional>

#include <fmt/format.h>

#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/resource_input.h"
#include "apps/calicoctl/session.h"
#include "base/text.h"
#include "model/codec/json.h"

namespace calico::calicoctl {
namespace {

using model::Document;
using model::Kind;

// How a verb speaks of itself.
struct Wording {
  std::string verb;           // "create"
  std::string past;           // "created"
  std::string refused;        // of the read-only ClusterInformation: "create or apply"
  std::string errors_follow;  // before the list of errors after a partial success
};

// What was done so far.
struct Outcome {
  std::size_t total = 0;
  std::size_t done = 0;
  std::string kind;  // as written if all are of one kind, else empty
  std::vector<std::string> errors;

  std::string Quoted() const { return kind.empty() ? "" : fmt::format("'{}' ", kind); }
};

// "'ipPool'": v1 documents are answered with v1's spelling.
std::string KindOf(const std::vector<Document>& documents) {
  std::string as_written;
  for (const Document& document : documents) {
    if (!as_written.empty() && as_written != document.kind_as_written) return {};
    as_written = document.kind_as_written;
  }
  return as_written;
}

int NothingGiven(const Session& session) {
  session.out() << "No resources specified\n";
  return 0;
}

Status RefuseReadOnly(Kind kind, const std::string& operation) {
  if (kind != Kind::kClusterInformation) return Ok();
  return Error(
      ErrorCode::kUnsupported,
      fmt::format("operation {} is not supported on ClusterInformation: resource is readonly", operation));
}

// Upstream says "Partial success" only if more succeeded than failed, and its replace counts failures as
// done. We say how many were really done whenever it is at least one.
int Report(const Session& session, const Wording& wording, const Outcome& outcome) {
  if (outcome.errors.empty()) {
    session.out() << fmt::format("Successfully {} {} {}resource(s)\n", wording.past, outcome.done,
                                 outcome.Quoted());
    return 0;
  }
  const std::string errors = "[" + Join(outcome.errors, " ") + "]";
  if (outcome.done == 0) {
    const bool one = outcome.total == 1;
    return session.Fail(fmt::format("failed to {} {}{}resource{}: {}", wording.verb, one ? "" : "any ",
                                    outcome.Quoted(), one ? "" : "s", errors));
  }
  session.out() << fmt::format("Partial success: {} the first {} out of {} {}resources:\n", wording.past,
                               outcome.done, outcome.total, outcome.Quoted());
  return session.Fail(wording.errors_follow + ": " + errors);
}

// `write` is one resource's part of the verb.
int WriteAll(const Session& session, const Wording& wording,
             const std::function<Status(datastore::Resources&, model::Object)>& write) {
  Result<std::vector<Document>> documents = ReadDocuments(session.arguments, session.in());
  if (!documents.has_value())
    return session.Fail("failed to execute command: " + documents.error().message());
  if (documents->empty()) return NothingGiven(session);

  datastore::Resources resources = session.resources();
  Outcome outcome{documents->size(), 0, KindOf(*documents), {}};
  for (Document& document : *documents) {
    const auto write_one = [&]() -> Status {
      RETURN_IF_ERROR(RefuseReadOnly(model::KeyOf(document.object).kind, wording.refused));
      RETURN_IF_ERROR(ResolveIdentity(resources, NamespaceFlagsOf(session.arguments), document));
      // What `get -o yaml` printed may be created again: it becomes a new resource.
      model::Metadata& metadata = model::MetadataOf(document.object);
      metadata.uid.clear();
      metadata.creation_timestamp.clear();
      return write(resources, document.object);
    };
    const Status status = write_one();
    if (status.has_value()) {
      ++outcome.done;
    } else {
      outcome.errors.push_back(status.error().message());
    }
  }
  return Report(session, wording, outcome);
}

template <typename T>
Status Dropped(const Result<T>& result) {
  if (!result.has_value()) return Error(result.error());
  return Ok();
}

// What `delete` was asked to delete: by name or by file.
struct Target {
  std::function<Result<model::Key>(datastore::Resources&)> key;
  datastore::Revision revision = 0;  // from the file; 0: whatever is stored
};

Result<std::vector<Target>> TargetsOfFile(const Session& session, std::string& kind) {
  ASSIGN_OR_RETURN(const std::vector<Document> documents, ReadDocuments(session.arguments, session.in()));
  kind = KindOf(documents);
  std::vector<Target> targets;
  for (const Document& document : documents) {
    const std::string& version = model::MetadataOf(document.object).resource_version;
    const auto key = [&session, document](datastore::Resources& resources) -> Result<model::Key> {
      Document resolved = document;
      RETURN_IF_ERROR(ResolveIdentity(resources, NamespaceFlagsOf(session.arguments), resolved));
      return model::KeyOf(resolved.object);
    };
    targets.push_back({key, std::strtoll(version.c_str(), nullptr, 10)});
  }
  return targets;
}

std::vector<Target> TargetsOfNames(const Session& session, Kind kind) {
  std::vector<Target> targets;
  for (const std::string& typed : session.arguments.All("NAME")) {
    const auto key = [&session, kind, typed](datastore::Resources& resources) -> Result<model::Key> {
      if (typed.empty()) return Error(ErrorCode::kInvalidArgument, "resource name may not be empty");
      ASSIGN_OR_RETURN(const std::string ns,
                       ResolveNamespace(kind, "", true, NamespaceFlagsOf(session.arguments)));
      ASSIGN_OR_RETURN(const std::string name, StoredName(resources, kind, typed));
      return model::Key::Resource(kind, name, ns);
    };
    targets.push_back({key, 0});
  }
  return targets;
}

Status DeleteOne(datastore::Resources& resources, const Target& target, bool skip_missing) {
  ASSIGN_OR_RETURN(const model::Key key, target.key(resources));
  RETURN_IF_ERROR(RefuseReadOnly(key.kind, "delete"));
  Status deleted = resources.Delete(key, target.revision);
  if (!deleted.has_value() && skip_missing && deleted.error().code() == ErrorCode::kNotFound) return Ok();
  return deleted;
}

int RunCreate(const Session& session) {
  const bool skip_existing = session.arguments.Has("--skip-exists");
  return WriteAll(
      session, {"create", "created", "create or apply", "hit error"},
      [&](datastore::Resources& resources, model::Object object) -> Status {
        const auto created = resources.Create(std::move(object));
        if (!created.has_value() && skip_existing && created.error().code() == ErrorCode::kAlreadyExists) {
          return Ok();
        }
        return Dropped(created);
      });
}

int RunApply(const Session& session) {
  return WriteAll(session, {"apply", "applied", "apply", "hit error(s)"},
                  [](datastore::Resources& resources, model::Object object) {
                    return Dropped(resources.Apply(std::move(object)));
                  });
}

int RunReplace(const Session& session) {
  return WriteAll(session, {"replace", "replaced", "apply or replace", "hit error"},
                  [](datastore::Resources& resources, model::Object object) {
                    return Dropped(resources.Replace(std::move(object)));
                  });
}

int RunDelete(const Session& session) {
  const Arguments& arguments = session.arguments;
  std::string kind_name;
  std::vector<Target> targets;
  if (arguments.Has("--filename")) {
    Result<std::vector<Target>> of_file = TargetsOfFile(session, kind_name);
    if (!of_file.has_value()) return session.Fail("failed to execute command: " + of_file.error().message());
    targets = std::move(*of_file);
    if (targets.empty()) return NothingGiven(session);
  } else {
    const auto kind = model::ParseKindAlias(arguments.Text("KIND"));
    if (!kind)
      return session.Fail(fmt::format("resource type '{}' is not supported", arguments.Text("KIND")));
    kind_name = std::string(model::KindName(*kind));
    targets = TargetsOfNames(session, *kind);
    if (targets.empty()) {
      return session.Fail(
          fmt::format("Failed to delete '{}' resource: insufficient identifiers, missing 'name'", kind_name));
    }
  }

  datastore::Resources resources = session.resources();
  Outcome outcome{targets.size(), 0, kind_name, {}};
  for (const Target& target : targets) {
    const Status status = DeleteOne(resources, target, arguments.Has("--skip-not-exists"));
    if (status.has_value()) {
      ++outcome.done;
    } else {
      outcome.errors.push_back(status.error().message());
    }
  }
  if (outcome.done > 0) {
    session.out() << fmt::format("Successfully deleted {} {}resource(s)\n", outcome.done, outcome.Quoted());
  }
  for (const std::string& error : outcome.errors) {
    session.err() << fmt::format("Failed to delete {}resource: {}\n", outcome.Quoted(), error);
  }
  return outcome.errors.empty() ? 0 : 1;
}

Command FileVerb(const std::string& name, const std::string& summary, int (*run)(const Session&)) {
  Command command;
  command.path = {name};
  command.summary = summary;
  command.options = InputOptions();
  command.examples = "calicoctl " + name + " -f pool.yaml\ncat pool.yaml | calicoctl " + name + " -f -";
  command.mistake = [](const Arguments& arguments) {
    return std::string(arguments.Has("--filename") ? "" : "--filename is required");
  };
  command.run = run;
  return command;
}

}  // namespace

std::vector<Command> WriteCommands() {
  Command create = FileVerb("create", "Create resources", RunCreate);
  create.options = Joined({{"--skip-exists", 0, "", "resources that exist are no error"}}, create.options);
  Command apply = FileVerb("apply", "Create resources, or replace those that exist", RunApply);
  Command replace = FileVerb("replace", "Replace resources that exist", RunReplace);
  Command remove;
  remove.path = {"delete"};
  remove.summary = "Delete resources";
  remove.positionals = KindAndNames();
  remove.options =
      Joined({{"--skip-not-exists", 's', "", "resources that do not exist are no error"}}, InputOptions());
  remove.examples =
      "calicoctl delete ipPool 192.168.0.0/16\n"
      "calicoctl delete -f pool.yaml --skip-not-exists";
  remove.mistake = KindOrFile;
  remove.run = RunDelete;
  return {create, apply, replace, remove};
}

}  // namespace calico::calicoctl
