// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/docker_networks.h"
#include "apps/calicoctl/get_output.h"
#include "apps/calicoctl/resource_input.h"
#include "apps/calicoctl/session.h"
#include "base/text.h"
#include "calc/conversion.h"
#include "model/codec/json.h"
#include "model/v1_names.h"

namespace calico::calicoctl {
namespace {

using model::ApiVersion;
using model::Kind;
using model::Object;

// The AS number of nodes without one (reference B.3): BGPConfiguration "default", else 64512.
std::string GlobalAsNumber(const Session& session) {
  const auto stored = session.resources().Get(model::Key::Resource(Kind::kBGPConfiguration, "default"));
  if (!stored.has_value()) {
    return stored.error().code() == ErrorCode::kNotFound ? std::to_string(model::kDefaultAsNumber)
                                                         : "unknown";
  }
  return std::to_string(
      std::get<model::BGPConfiguration>(stored->object).as_number.value_or(model::kDefaultAsNumber));
}

// --export: what only makes sense in the store that an object was read from.
void MakePortable(Object& object) {
  model::Metadata& metadata = model::MetadataOf(object);
  metadata.ns.clear();
  metadata.uid.clear();
  metadata.resource_version.clear();
  metadata.creation_timestamp.clear();
  std::visit(
      [](auto& each) {
        if constexpr (requires { each.metadata; }) {
          each.unknown.erase("/metadata/deletionTimestamp");
          each.unknown.erase("/metadata/deletionGracePeriodSeconds");
        }
      },
      object);
}

// One run of `get`. Keeps going after a failure: what could be read is shown.
class Getting {
 public:
  explicit Getting(const Session& session)
      : session_(session), dialect_(DialectOf(session)), wanted_(V1IdentityOfArguments(session)) {}

  int Run() {
    const Arguments& arguments = session_.arguments;
    auto form = ParseOutputForm(arguments.Text("--output", "ps"));
    if (!form.has_value()) return session_.Fail(form.error().message());
    shown_.form = std::move(*form);
    shown_.global_as_number = [this] { return GlobalAsNumber(session_); };
    const std::string version = arguments.Text("--api-version");
    shown_.version = version.empty() ? dialect_ : version == "v1" ? ApiVersion::kV1 : ApiVersion::kV3;
    const NamespaceFlags flags = NamespaceFlagsOf(arguments);
    shown_.with_namespace = shown_.version == ApiVersion::kV3 && (flags.all || !flags.ns.empty());
    if (const Status fits = CheckIdentity(wanted_); !fits.has_value())
      return session_.Fail(fits.error().message());

    const Status got = arguments.Has("--filename") ? GetByFile() : GetByKind();
    if (!got.has_value()) return session_.Fail(got.error().message());
    for (const Error& error : errors_) session_.err() << error.message() << '\n';
    return errors_.empty() ? 0 : 1;
  }

 private:
  Status GetByKind() {
    const auto kind = ParseKind(session_.arguments.Text("KIND"), shown_.version);
    if (!kind.has_value())
      return Error(kind.error().code(), "failed to get resources: " + kind.error().message());
    if (*kind == Kind::kDockerNetwork) {
      // Ours, and alike in both dialects.
      if (session_.arguments.Text("--api-version").empty()) shown_.version = ApiVersion::kV3;
      RETURN_IF_ERROR(docker_networks_.Read(session_.client()));
    }
    const std::vector<std::string>& names = session_.arguments.All("NAME");
    // Calico 2.6 always lists and filters; so do identifiers that only its API has.
    if (names.empty() || dialect_ == ApiVersion::kV1 || !wanted_.empty()) return GetAll(*kind, names);

    Identities identities(session_);
    datastore::Resources resources = session_.resources();
    ASSIGN_OR_RETURN(const std::unique_ptr<Printer> printer, MakePrinter(shown_, session_.out()));
    for (const std::string& typed : names) {
      const Result<model::Key> key = identities.Named(*kind, typed);
      if (!key.has_value()) {
        errors_.push_back(key.error());
        continue;
      }
      RETURN_IF_ERROR(GetOne(resources, *key, *printer));
    }
    return printer->Finish("");
  }

  // Every object of a kind that has the wanted identifiers.
  Status GetAll(Kind kind, const std::vector<std::string>& names) {
    const NamespaceFlags flags =
        dialect_ == ApiVersion::kV1 ? NamespaceFlags{} : NamespaceFlagsOf(session_.arguments);
    std::string ns;
    if (dialect_ == ApiVersion::kV3) {
      auto resolved = ResolveNamespace(kind, "", false, flags);
      if (!resolved.has_value()) {
        errors_.push_back(resolved.error());
        return Ok();
      }
      ns = std::move(*resolved);
    }
    shown_.list = kind;
    ASSIGN_OR_RETURN(const std::unique_ptr<Printer> printer, MakePrinter(shown_, session_.out()));
    std::vector<V1Identity> identities{wanted_};
    if (!names.empty()) identities.clear();
    for (const std::string& name : names) {
      identities.push_back(wanted_);
      identities.back().name = name;
    }
    std::vector<bool> found(identities.size());
    Status printed = Ok();
    const auto show = [&](datastore::Stored stored) -> Status {
      docker_networks_.AddHosts(stored.object);
      bool fits = false;
      for (std::size_t i = 0; i < identities.size(); ++i) {
        if (!Matches(stored.object, identities[i])) continue;
        fits = true;
        found[i] = true;
      }
      if (fits) printed = Print(stored.object, *printer);
      return printed;
    };
    const auto revision = session_.resources().ForEach(kind, ns, show, [this](const Error& error) {
      session_.err() << "Warning: " << error.message() << '\n';
    });
    RETURN_IF_ERROR(printed);
    if (!revision.has_value()) {
      errors_.push_back(revision.error());
      return Ok();
    }
    for (Object& left : docker_networks_.Leftovers()) RETURN_IF_ERROR(show({std::move(left), 0}));
    // With 2.6 an object that is missing makes an empty list; v3 says so.
    for (std::size_t i = 0; dialect_ == ApiVersion::kV3 && i < names.size(); ++i) {
      if (found[i]) continue;
      errors_.emplace_back(ErrorCode::kNotFound,
                           fmt::format("resource does not exist: {} with error: <nil>",
                                       model::Describe(model::Key::Resource(kind, names[i], ns))));
    }
    return printer->Finish(std::to_string(*revision));
  }

  Status GetByFile() {
    auto documents = ReadDocuments(session_);
    if (!documents.has_value())
      return Error(documents.error().code(), "failed to execute command: " + documents.error().message());
    if (documents->empty()) {
      session_.out() << "No resources specified\n";
      return Ok();
    }
    Identities identities(session_);
    datastore::Resources resources = session_.resources();
    ASSIGN_OR_RETURN(const std::unique_ptr<Printer> printer, MakePrinter(shown_, session_.out()));
    for (model::Document& document : *documents) {
      if (document.v1 != nullptr) {
        RETURN_IF_ERROR(
            GetSelected(resources, model::KeyOf(document.object).kind, V1IdentityOf(*document.v1), *printer));
        continue;
      }
      const Status resolved = identities.Resolve(document);
      if (!resolved.has_value()) {
        errors_.push_back(resolved.error());
        continue;
      }
      RETURN_IF_ERROR(GetOne(resources, model::KeyOf(document.object), *printer));
    }
    return printer->Finish("");
  }

  // Calico 2.6 lists what has the identifiers of the file's resource; those that are missing there are
  // wildcards.
  Status GetSelected(datastore::Resources& resources, Kind kind, const V1Identity& wanted, Printer& printer) {
    if (const Status fits = CheckIdentity(wanted); !fits.has_value()) {
      errors_.push_back(fits.error());
      return Ok();
    }
    Status printed = Ok();
    const auto walked = resources.ForEach(kind, "", [&](const datastore::Stored& stored) {
      if (Matches(stored.object, wanted)) printed = Print(stored.object, printer);
      return printed;
    });
    RETURN_IF_ERROR(printed);
    if (!walked.has_value()) errors_.push_back(walked.error());
    return Ok();
  }

  // An error of the printer ends all; one of the store is told at the end.
  Status GetOne(datastore::Resources& resources, const model::Key& key, Printer& printer) {
    auto stored = resources.Get(key);
    if (!stored.has_value()) {
      const bool missing = stored.error().code() == ErrorCode::kNotFound;
      if (!missing || dialect_ == ApiVersion::kV3) errors_.push_back(stored.error());
      return Ok();
    }
    if (session_.arguments.Has("--export")) MakePortable(stored->object);
    docker_networks_.AddHosts(stored->object);
    return Print(stored->object, printer);
  }

  // With what agents cannot enforce of it as it stands: a store may hold what no validation has seen.
  Status Print(const Object& object, Printer& printer) const {
    if (model::IsTieredPolicy(static_cast<Kind>(object.index())) ||
        std::holds_alternative<model::Profile>(object)) {
      for (const std::string& problem : calc::ProblemsOf(std::make_shared<const Object>(object)))
        session_.err() << "Warning: " << problem << '\n';
    }
    return printer.Add(object);
  }

  const Session& session_;
  const ApiVersion dialect_;
  const V1Identity wanted_;
  Shown shown_;
  DockerNetworkHosts docker_networks_;
  std::vector<Error> errors_;
};

std::string Mistake(const Arguments& arguments) {
  const std::string version = arguments.Text("--api-version");
  if (!version.empty() && version != "v1" && version != "v3") return "--api-version is v1 or v3";
  return KindOrFile(arguments);
}

}  // namespace

std::vector<Command> GetCommands() {
  Command get;
  get.path = {"get"};
  get.summary = "Show resources";
  get.description =
      "Without a name all resources of the kind are shown. The dialect is the store's: v1 where the store\n"
      "is that of Calico 2.6, else projectcalico.org/v3.";
  get.positionals = KindAndNames();
  Option all{"--all-namespaces", 'A', "", "resources of all namespaces"};
  all.old_short_name = 'a';
  get.options = Joined(
      Joined(
          {{"--output",
            'o',
            "OUTPUT",
            "ps, wide, yaml, json, name, custom-columns=A,B, go-template=T or go-template-file=FILE "
            "[default: ps]",
            Completion::kWords,
            {"ps", "wide", "yaml", "json", "name", "custom-columns=", "go-template=", "go-template-file="}},
           all,
           {"--export", 0, "", "leave out what belongs to this store only, of resources by name"},
           {"--api-version",
            0,
            "VERSION",
            "dialect of the output, whatever the store's: v1 or v3",
            Completion::kWords,
            {"v1", "v3"}}},
          InputOptions()),
      V1IdentityOptions());
  get.examples =
      "calicoctl get nodes -o wide\n"
      "calicoctl get ipPool 192.168.0.0/16 -o yaml\n"
      "calicoctl get wep -A";
  get.mistake = Mistake;
  get.run = [](const Session& session) { return Getting(session).Run(); };
  return {get};
}

}  // namespace calico::calicoctl
