// SPDX-License-Identifier: Apache-2.0
// patch and label: verbs that change one stored resource.
#include <optional>

#include <fmt/format.h>

#include "apps/calicoctl/blocked.h"
#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/json_patch.h"
#include "apps/calicoctl/resource_input.h"
#include "apps/calicoctl/session.h"
#include "model/codec/json.h"
#include "model/v1_names.h"

namespace calico::calicoctl {
namespace {

using model::Kind;

// "error text" without "patch: line 1, column 17: ", places of a text that nobody wrote.
std::string WithoutPlace(const std::string& text) {
  if (!text.starts_with("patch: ")) return text;
  const std::string rest = text.substr(std::string("patch: ").size());
  const std::size_t end = rest.find(": ");
  return rest.starts_with("line ") && end != std::string::npos ? rest.substr(end + 2) : rest;
}

// The resource that KIND and NAME name.
Result<datastore::Stored> Find(const Session& session, Kind kind, const std::string& name) {
  Identities identities(session);
  ASSIGN_OR_RETURN(const model::Key key, identities.Named(kind, name));
  return session.resources().Get(key);
}

// --- patch

std::optional<PatchType> ParsePatchType(const std::string& text) {
  if (text == "strategic") return PatchType::kStrategic;
  if (text == "merge") return PatchType::kMerge;
  if (text == "json") return PatchType::kJson;
  return std::nullopt;
}

// The object after the patch; what a patch may not change is checked.
Result<model::Object> Patched(const model::Object& object, const std::string& patch, PatchType type) {
  auto text = PatchJson(model::PrintJson(object), patch, type);
  if (!text.has_value()) return std::move(text).error().WithContext("performing strategic merge patch");
  auto documents = model::ParseDocuments(*text, "patch");
  const auto failed = [](const std::string& why) {
    return Error(ErrorCode::kInvalidArgument, "creating resource from patched data: " + why);
  };
  if (!documents.has_value()) return failed(WithoutPlace(documents.error().message()));
  if (documents->size() != 1) return failed("it is no resource any more");
  model::Object& patched = documents->front().object;
  if (model::KeyOf(patched) != model::KeyOf(object))
    return failed("a patch can not change kind, name or namespace");
  // Only the store decides about these.
  model::MetadataOf(patched).uid = model::MetadataOf(object).uid;
  model::MetadataOf(patched).creation_timestamp = model::MetadataOf(object).creation_timestamp;
  return std::move(patched);
}

Status Patch(const Session& session, Kind kind) {
  const Arguments& arguments = session.arguments;
  ASSIGN_OR_RETURN(const datastore::Stored stored, Find(session, kind, arguments.Text("NAME")));
  RETURN_IF_ERROR(CheckAllowed(Operation::kPatch, model::KeyOf(stored.object), DialectOf(session)));
  ASSIGN_OR_RETURN(model::Object patched, Patched(stored.object, arguments.Text("--patch"),
                                                  *ParsePatchType(arguments.Text("--type", "strategic"))));
  auto updated = session.resources().Update(std::move(patched));
  if (!updated.has_value()) return std::move(updated).error().WithContext("updating existing resource");
  return Ok();
}

int RunPatch(const Session& session) {
  const auto kind = ParseKind(session.arguments.Text("KIND"), DialectOf(session));
  if (!kind.has_value()) return session.Fail(kind.error().message());
  const Status patched = Patch(session, *kind);
  if (!patched.has_value()) return session.Fail("hit error: " + patched.error().message());
  std::string kind_name(model::KindName(*kind));
  if (DialectOf(session) == model::ApiVersion::kV1) kind_name = model::V1KindName(*kind).value_or(kind_name);
  session.out() << fmt::format("Successfully patched 1 '{}' resource\n", kind_name);
  return 0;
}

// --- label

struct Label {
  std::string key, value;
};

// "key=value"; nullopt unless there is exactly one "=". Without a value for --remove.
std::optional<Label> ParseLabel(const std::string& text, bool remove) {
  const std::size_t equals = text.find('=');
  if (remove) return equals == std::string::npos ? std::optional(Label{text, ""}) : std::nullopt;
  if (equals == std::string::npos || equals == 0 || text.find('=', equals + 1) != std::string::npos)
    return std::nullopt;
  return Label{text.substr(0, equals), text.substr(equals + 1)};
}

// Changes the labels; the line that tells of it.
Result<std::string> ChangeLabels(std::map<std::string, std::string>& labels, const Label& label,
                                 const Arguments& arguments, const std::string& what) {
  const auto bad = [](std::string text) { return Error(ErrorCode::kInvalidArgument, std::move(text)); };
  const auto found = labels.find(label.key);
  if (arguments.Has("--remove")) {
    if (found == labels.end())
      return bad(fmt::format("cannot remove label of {}, key {} does not exist", what, label.key));
    labels.erase(found);
    return fmt::format("Successfully removed label {} from {}", label.key, what);
  }
  if (found == labels.end()) {
    labels[label.key] = label.value;
    return fmt::format("Successfully set label {} on {}", label.key, what);
  }
  if (found->second != label.value && !arguments.Has("--overwrite")) {
    return bad(
        fmt::format("failed to update label of {}, key {} is already present. please use "
                    "'--overwrite' to set a new value",
                    what, label.key));
  }
  found->second = label.value;
  return fmt::format("Successfully updated label {} on {}", label.key, what);
}

int RunLabel(const Session& session) {
  const Arguments& arguments = session.arguments;
  const std::string what = arguments.Text("KIND") + " " + arguments.Text("NAME");
  const auto label = ParseLabel(arguments.Text("LABEL"), arguments.Has("--remove"));
  if (!label) return session.Fail("invalid label " + arguments.Text("LABEL"));
  const auto kind = ParseKind(arguments.Text("KIND"), DialectOf(session));
  if (!kind.has_value()) return session.Fail(kind.error().message());

  auto stored = Find(session, *kind, arguments.Text("NAME"));
  if (!stored.has_value()) {
    const bool missing = stored.error().code() == ErrorCode::kNotFound;
    return session.Fail(missing ? what + " not found" : stored.error().message());
  }
  const auto line = ChangeLabels(model::MetadataOf(stored->object).labels, *label, arguments, what);
  if (!line.has_value()) return session.Fail(line.error().message());
  const auto replaced = session.resources().Replace(std::move(stored->object));
  if (!replaced.has_value()) {
    session.err() << replaced.error().message() << '\n';
    return session.Fail(fmt::format("failed to update {}, label not changed", what));
  }
  session.out() << *line << '\n';
  return 0;
}

std::vector<Positional> KindAndName() {
  return {
      {"KIND", "kind of resource, any case: node, ippool, wep, gnp, ...", false, false, Completion::kKind},
      {"NAME", "name; an IP pool may be named by its CIDR", false, false}};
}

}  // namespace

std::vector<Command> ChangeCommands() {
  Command patch;
  patch.path = {"patch"};
  patch.summary = "Change some fields of a resource";
  patch.positionals = KindAndName();
  patch.options = Joined({{"--patch", 'p', "PATCH", "what to change, as JSON"},
                          {"--type",
                           't',
                           "TYPE",
                           "strategic (lists are replaced, maps merged), merge (RFC 7386) or json (RFC 6902) "
                           "[default: strategic]",
                           Completion::kWords,
                           {"strategic", "merge", "json"}},
                          NamespaceOption()},
                         ConnectionOptions());
  patch.options.front().required = true;
  patch.examples =
      "calicoctl patch ippool pool-a -p '{\"spec\": {\"natOutgoing\": true}}'\n"
      "calicoctl patch node host1 --type=json -p '[{\"op\": \"remove\", \"path\": \"/spec/bgp/asNumber\"}]'";
  patch.mistake = [](const Arguments& arguments) -> std::string {
    if (!ParsePatchType(arguments.Text("--type", "strategic"))) return "--type is strategic, merge or json";
    return {};
  };
  patch.run = RunPatch;

  Command label;
  label.path = {"label"};
  label.summary = "Set or remove a label of a resource";
  label.positionals = KindAndName();
  label.positionals.push_back({"LABEL", "key=value; with --remove only the key", false, false});
  label.options = Joined({{"--overwrite", 0, "", "change the value of a label that exists"},
                          {"--remove", 0, "", "remove the label"},
                          NamespaceOption()},
                         ConnectionOptions());
  label.usage = {"<KIND> <NAME> ( <key>=<value> [--overwrite] | <key> --remove ) [options]"};
  label.examples =
      "calicoctl label nodes rack1-host7 rack=1\n"
      "calicoctl label nodes rack1-host7 rack --remove";
  label.mistake = [](const Arguments& arguments) {
    return std::string(arguments.Has("--overwrite") && arguments.Has("--remove")
                           ? "give either --overwrite or --remove"
                           : "");
  };
  label.run = RunLabel;
  return {patch, label};
}

}  // namespace calico::calicoctl
