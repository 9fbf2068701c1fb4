// SPDX-License-Identifier: Apache-2.0
// Reference calicoctl C.7, datastore-model D.3.
#include "model/codec/convert.h"

#include <iterator>
#include <string>

#include <fmt/format.h>

#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/session.h"
#include "base/file.h"

namespace calico::calicoctl {
namespace {

int RunConvert(const Session& session) {
  const std::string format = session.arguments.Text("--output", "yaml");
  if (format != "yaml" && format != "yml" && format != "json")
    return session.Fail(fmt::format("unrecognized output format '{}'", format));
  model::ConvertOptions options;
  options.json = format == "json";
  options.ignore_validation = session.arguments.Has("--ignore-validation");

  const std::string path = session.arguments.Text("--filename");
  const bool from_stdin = path == "-";
  const Result<std::string> text =
      from_stdin ? std::string{std::istreambuf_iterator<char>(session.in()), std::istreambuf_iterator<char>()}
                 : ReadFile(path);
  if (!text.has_value())
    return session.Fail("Failed to create resources from file: " + text.error().message());
  const Result<std::string> converted = model::ConvertDocuments(*text, from_stdin ? "stdin" : path, options);
  if (!converted.has_value()) return session.Fail(converted.error().message());
  session.out() << *converted;
  return 0;
}

}  // namespace

std::vector<Command> ConvertCommands() {
  Command convert;
  convert.path = {"convert"};
  convert.summary = "Convert resources of Calico 2.6 or Kubernetes to projectcalico.org/v3";
  convert.description =
      "Reads documents of the v1 API (bgpPeer, hostEndpoint, ipPool, node, policy, profile,\n"
      "workloadEndpoint and their lists) and network policies of Kubernetes, and prints them as documents\n"
      "of the v3 API. No store is needed and nothing is stored.";
  Option filename = FilenameOption();
  filename.description = "YAML or JSON file, or - for standard input";
  convert.options = {
      filename,
      {"--output", 'o', "FORMAT", "yaml or json [default: yaml]", Completion::kWords, {"yaml", "json"}},
      {"--ignore-validation", 0, "", "print also what the v3 API would refuse"},
      AllowVersionMismatchOption()};
  convert.usage = {"--filename=FILENAME [--output=FORMAT] [--ignore-validation]"};
  convert.examples = "calicoctl convert -f policy-v1.yaml > policy.yaml";
  convert.mistake = [](const Arguments& arguments) {
    return arguments.Has("--filename") ? "" : std::string("--filename is required");
  };
  convert.needs_store = false;
  convert.run = RunConvert;
  return {convert};
}

}  // namespace calico::calicoctl
