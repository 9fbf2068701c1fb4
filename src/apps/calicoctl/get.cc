// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "apps/calicoctl/columns.h"
#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/resource_input.h"
#include "apps/calicoctl/session.h"
#include "apps/calicoctl/table.h"
#include "base/text.h"
#include "model/codec/document.h"
#include "model/codec/json.h"

namespace calico::calicoctl {
namespace {

using model::Kind;
using model::Object;

constexpr std::string_view kCustomColumns = "custom-columns";

// One answer: all of a kind, or one object.
struct Answer {
  Kind kind = Kind::kIPPool;
  bool is_list = false;
  std::vector<Object> items;
  std::string revision;  // of the store, for lists
};

enum class Format { kTable, kYaml, kJson };
struct Output {
  Format format = Format::kTable;
  bool wide = false;
  std::vector<std::string> custom_headings;
};

Result<Output> ParseOutput(const std::string& text) {
  if (text == "ps") return Output{};
  if (text == "wide") return Output{Format::kTable, true, {}};
  if (text == "yaml" || text == "yml") return Output{Format::kYaml, false, {}};
  if (text == "json") return Output{Format::kJson, false, {}};
  if (text.starts_with(kCustomColumns)) {
    const std::string headings = text.substr(kCustomColumns.size());
    if (headings.size() < 2 || headings.front() != '=') {
      return Error(ErrorCode::kInvalidArgument, "need to specify at least one column");
    }
    return Output{Format::kTable, false, Split(headings.substr(1), ',')};
  }
  return Error(ErrorCode::kInvalidArgument, fmt::format("unrecognized output format '{}'", text));
}

Result<Answer> GetOne(datastore::Resources& resources, const model::Key& key) {
  ASSIGN_OR_RETURN(datastore::Stored stored, resources.Get(key));
  return Answer{key.kind, false, {std::move(stored.object)}, {}};
}

Result<Answer> GetAll(datastore::Resources& resources, Kind kind, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::string ns, ResolveNamespace(kind, "", false, NamespaceFlagsOf(arguments)));
  ASSIGN_OR_RETURN(datastore::ObjectList list, ns.empty() ? resources.List(kind) : resources.List(kind, ns));
  Answer answer{kind, true, {}, std::to_string(list.revision)};
  for (datastore::Stored& stored : list.items) answer.items.push_back(std::move(stored.object));
  return answer;
}

// Keeps going after a failure: what could be read is shown.
void Collect(Result<Answer> answer, std::vector<Answer>& answers, std::vector<Error>& errors) {
  if (answer.has_value()) {
    answers.push_back(std::move(*answer));
  } else {
    errors.push_back(std::move(answer).error());
  }
}

void GetByNames(const Session& session, Kind kind, std::vector<Answer>& answers, std::vector<Error>& errors) {
  datastore::Resources resources = session.resources();
  for (const std::string& typed : session.arguments.All("NAME")) {
    const auto get = [&]() -> Result<Answer> {
      if (typed.empty()) return Error(ErrorCode::kInvalidArgument, "resource name may not be empty");
      ASSIGN_OR_RETURN(const std::string ns,
                       ResolveNamespace(kind, "", true, NamespaceFlagsOf(session.arguments)));
      ASSIGN_OR_RETURN(const std::string name, StoredName(resources, kind, typed));
      return GetOne(resources, model::Key::Resource(kind, name, ns));
    };
    Collect(get(), answers, errors);
  }
}

Status GetByFile(const Session& session, std::vector<Answer>& answers, std::vector<Error>& errors) {
  datastore::Resources resources = session.resources();
  ASSIGN_OR_RETURN(std::vector<model::Document> documents, ReadDocuments(session.arguments, session.in()));
  for (model::Document& document : documents) {
    const auto get = [&]() -> Result<Answer> {
      RETURN_IF_ERROR(ResolveIdentity(resources, NamespaceFlagsOf(session.arguments), document));
      return GetOne(resources, model::KeyOf(document.object));
    };
    Collect(get(), answers, errors);
  }
  return Ok();
}

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

Status PrintTable(const Session& session, const Output& output, const Answer& answer) {
  std::vector<std::string> headings = output.custom_headings;
  if (headings.empty()) headings = output.wide ? WideHeadings(answer.kind) : DefaultHeadings(answer.kind);
  const NamespaceFlags flags = NamespaceFlagsOf(session.arguments);
  const bool namespaces_asked = flags.all || !flags.ns.empty();
  if (output.custom_headings.empty() && namespaces_asked && model::IsNamespaced(answer.kind)) {
    headings.insert(headings.begin(), "NAMESPACE");
  }
  std::vector<const Column*> columns;
  std::string global_as;
  for (const std::string& heading : headings) {
    const Column* column = FindColumn(answer.kind, heading);
    if (column == nullptr) {
      std::vector<std::string> known;
      for (const Column& each : ColumnsOf(answer.kind)) known.push_back(each.heading);
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("unknown heading {}, valid values are: {}", heading, Join(known, ", ")));
    }
    if (heading == "ASN" && answer.kind == Kind::kNode) global_as = GlobalAsNumber(session);
    columns.push_back(column);
  }
  std::vector<Row> rows;
  for (const Object& object : answer.items) {
    Row row;
    for (const Column* column : columns) row.push_back(column->cell(object, global_as));
    rows.push_back(std::move(row));
  }
  session.out() << PaddedTable(headings, rows);
  return Ok();
}

// One answer stands alone, several are an array; without any, "null" (reference B.2).
void PrintText(std::ostream& out, Format format, const std::vector<Answer>& answers) {
  const bool yaml = format == Format::kYaml;
  std::string text = "null";
  if (answers.size() == 1 && answers.front().is_list) {
    const Answer& list = answers.front();
    text = yaml ? model::PrintListYaml(list.kind, list.items, list.revision)
                : model::PrintListJson(list.kind, list.items, list.revision);
  } else if (answers.size() == 1) {
    const Object& object = answers.front().items.front();
    text = yaml ? model::PrintYaml(object) : model::PrintJson(object);
  } else if (!answers.empty()) {
    std::vector<Object> objects;
    for (const Answer& answer : answers)
      objects.insert(objects.end(), answer.items.begin(), answer.items.end());
    text = yaml ? model::PrintArrayYaml(objects) : model::PrintArrayJson(objects);
  }
  out << text;
  // JSON ends in a line feed as up to v3.31, so that the shell's prompt starts on its own line.
  if (!text.ends_with('\n')) out << '\n';
}

int RunGet(const Session& session) {
  const Arguments& arguments = session.arguments;
  const auto failed = [&](const std::string& text) { return session.Fail(text); };
  const Result<Output> output = ParseOutput(arguments.Text("--output", "ps"));
  if (!output.has_value()) return failed(output.error().message());

  std::vector<Answer> answers;
  std::vector<Error> errors;
  if (arguments.Has("--filename")) {
    const Status read = GetByFile(session, answers, errors);
    if (!read.has_value()) return failed("failed to execute command: " + read.error().message());
  } else {
    const auto kind = model::ParseKindAlias(arguments.Text("KIND"));
    if (!kind)
      return failed(fmt::format("failed to get resources: resource type '{}' is not supported",
                                arguments.Text("KIND")));
    if (!arguments.Has("NAME")) {
      datastore::Resources resources = session.resources();
      Collect(GetAll(resources, *kind, arguments), answers, errors);
    } else {
      GetByNames(session, *kind, answers, errors);
    }
  }

  if (output->format == Format::kTable) {
    for (const Answer& answer : answers) {
      const Status printed = PrintTable(session, *output, answer);
      if (!printed.has_value()) return failed(printed.error().message());
    }
  } else if (!answers.empty() || arguments.Has("NAME")) {
    PrintText(session.out(), output->format, answers);
  }
  for (const Error& error : errors) session.err() << error.message() << '\n';
  return errors.empty() ? 0 : 1;
}

}  // namespace

std::vector<Command> GetCommands() {
  Command get;
  get.path = {"get"};
  get.summary = "Show resources";
  get.positionals = KindAndNames();
  get.options =
      Joined({{"--output", 'o', "OUTPUT", "ps, wide, yaml, json or custom-columns=A,B [default: ps]"},
              {"--all-namespaces", 'A', "", "resources of all namespaces"}},
             InputOptions());
  get.examples =
      "calicoctl get nodes -o wide\n"
      "calicoctl get ipPool 192.168.0.0/16 -o yaml\n"
      "calicoctl get wep -A";
  get.mistake = KindOrFile;
  get.run = RunGet;
  return {get};
}

}  // namespace calico::calicoctl
