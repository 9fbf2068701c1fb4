// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include <fmt/format.h>

#include "apps/calicoctl/blocked.h"
#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/outcome.h"
#include "apps/calicoctl/resource_input.h"
#include "apps/calicoctl/session.h"
#include "apps/calicoctl/write_run.h"
#include "ipam/deletion.h"
#include "model/codec/json.h"
#include "model/v1_names.h"

namespace calico::calicoctl {
namespace {

using model::ApiVersion;
using model::Document;
using model::Kind;

// One resource to delete; an error if it is not clear which.
struct Target {
  Result<model::Key> key;
  datastore::Revision revision = 0;  // from the file; 0: whatever is stored
};

Result<std::vector<Target>> TargetsOfFile(const Session& session, std::string& kind) {
  ASSIGN_OR_RETURN(std::vector<Document> documents, ReadDocuments(session));
  kind = KindOf(documents);
  Identities identities(session);
  std::vector<Target> targets;
  for (Document& document : documents) {
    const std::string version = model::MetadataOf(document.object).resource_version;
    const Status resolved = identities.Resolve(document);
    Result<model::Key> key = model::KeyOf(document.object);
    if (!resolved.has_value()) key = resolved.error();
    targets.push_back({std::move(key), std::strtoll(version.c_str(), nullptr, 10)});
  }
  return targets;
}

std::vector<Target> TargetsOfNames(const Session& session, Kind kind) {
  Identities identities(session);
  std::vector<Target> targets;
  for (const std::string& typed : session.arguments.All("NAME"))
    targets.push_back({identities.Named(kind, typed), 0});
  return targets;
}

// What v1 identifiers select: they need not be the stored name, so that the kind is listed.
Result<std::vector<Target>> TargetsOfIdentity(const Session& session, Kind kind, const V1Identity& wanted) {
  datastore::Resources resources = session.resources();
  ASSIGN_OR_RETURN(const datastore::ObjectList list, resources.List(kind));
  std::vector<Target> targets;
  for (const std::string& name : session.arguments.All("NAME")) {
    V1Identity identity = wanted;
    identity.name = name;
    if (const std::string missing = MissingIdentifier(kind, identity); !missing.empty()) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("insufficient identifiers, missing '{}'", missing));
    }
    const bool v1 = DialectOf(session) == ApiVersion::kV1;
    Result<model::Key> key =
        Error(ErrorCode::kNotFound, v1 ? "resource does not exist: " + DescribeV1(kind, identity)
                                       : fmt::format("resource does not exist: {} with error: <nil>",
                                                     model::Describe(model::Key::Resource(kind, name))));
    for (const datastore::Stored& stored : list.items) {
      if (Matches(stored.object, identity)) key = model::KeyOf(stored.object);
    }
    targets.push_back({std::move(key), 0});
  }
  return targets;
}

Status DeleteOne(const Session& session, const Target& target) {
  if (!target.key.has_value()) return target.key.error();
  RETURN_IF_ERROR(CheckAllowed(Operation::kDelete, *target.key, DialectOf(session)));
  return ipam::DeleteResource(session.client(), session.clock(), *target.key,
                              {target.revision, session.surroundings.wait});
}

// The kind is known and names are given, or not.
Result<std::vector<Target>> TargetsOfCommandLine(const Session& session, Kind kind) {
  const V1Identity wanted = V1IdentityOfArguments(session);
  RETURN_IF_ERROR(CheckIdentity(wanted));
  if (!session.arguments.Has("NAME"))
    return Error(ErrorCode::kInvalidArgument, "insufficient identifiers, missing 'name'");
  const bool has_own_key =
      kind != Kind::kWorkloadEndpoint && kind != Kind::kHostEndpoint && kind != Kind::kBGPPeer;
  const bool v1 = DialectOf(session) == ApiVersion::kV1;
  if (!wanted.empty() || (v1 && !has_own_key)) return TargetsOfIdentity(session, kind, wanted);
  return TargetsOfNames(session, kind);
}

int DeleteAll(const Session& session, const std::vector<Target>& targets, const std::string& kind) {
  const bool skip_missing = session.arguments.Has("--skip-not-exists");
  std::vector<Item> items;
  for (const Target& target : targets) {
    const model::Key key = target.key.has_value() ? *target.key : model::Key{};
    // What a pool or a node leaves behind is cleared away with it, in objects that others share.
    items.push_back({key, key.kind == Kind::kIPPool || key.kind == Kind::kNode});
  }
  Outcome outcome{targets.size(), 0, kind, {}};
  const auto remove = [&](datastore::Resources&, std::size_t first, std::span<Status> statuses) {
    for (std::size_t i = 0; i < statuses.size(); ++i) statuses[i] = DeleteOne(session, targets[first + i]);
  };
  for (const Status& status : WriteItems(session, items, remove, "deleted")) {
    const bool missing = !status.has_value() && status.error().code() == ErrorCode::kNotFound;
    outcome.Add(missing && skip_missing ? Ok() : status);
  }
  if (outcome.done > 0) {
    session.out() << fmt::format("Successfully deleted {} {}resource(s)\n", outcome.done, outcome.Quoted());
  }
  for (const std::string& error : outcome.errors) {
    session.err() << fmt::format("Failed to delete {}resource: {}\n", outcome.Quoted(), error);
  }
  return outcome.errors.empty() ? 0 : 1;
}

int RunDelete(const Session& session) {
  const Arguments& arguments = session.arguments;
  if (arguments.Has("--filename")) {
    std::string kind;
    const Result<std::vector<Target>> targets = TargetsOfFile(session, kind);
    if (!targets.has_value()) return session.Fail("failed to execute command: " + targets.error().message());
    return targets->empty() ? NothingGiven(session) : DeleteAll(session, *targets, kind);
  }
  const ApiVersion dialect = DialectOf(session);
  const auto kind = ParseKind(arguments.Text("KIND"), dialect);
  if (!kind.has_value()) return session.Fail(kind.error().message());
  std::string kind_name(model::KindName(*kind));
  if (dialect == ApiVersion::kV1) kind_name = model::V1KindName(*kind).value_or(kind_name);
  const Result<std::vector<Target>> targets = TargetsOfCommandLine(session, *kind);
  if (!targets.has_value()) {
    return session.Fail(
        fmt::format("Failed to delete '{}' resource: {}", kind_name, targets.error().message()));
  }
  return DeleteAll(session, *targets, kind_name);
}

}  // namespace

std::vector<Command> DeleteCommands() {
  Command command;
  command.path = {"delete"};
  command.summary = "Delete resources";
  command.positionals = KindAndNames();
  command.options = Joined(
      Joined({{"--skip-not-exists", 's', "", "resources that do not exist are no error"}}, InputOptions()),
      V1IdentityOptions());
  command.examples =
      "calicoctl delete ipPool 192.168.0.0/16\n"
      "calicoctl delete -f pool.yaml --skip-not-exists";
  command.mistake = KindOrFile;
  command.run = RunDelete;
  return {command};
}

}  // namespace calico::calicoctl
