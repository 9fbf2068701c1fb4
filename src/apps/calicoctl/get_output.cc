// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/get_output.h"

#include <algorithm>
#include <limits>
#include <ostream>

#include <fmt/format.h>

#include "apps/calicoctl/columns.h"
#include "apps/calicoctl/table.h"
#include "apps/calicoctl/template_output.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/text.h"
#include "model/codec/json.h"
#include "model/v1_names.h"

namespace calico::calicoctl {
namespace {

using model::ApiVersion;
using model::Kind;
using model::Object;

Error Refused(std::string text) {
  return Error(ErrorCode::kInvalidArgument, std::move(text));
}

// What follows "custom-columns=", or nothing.
std::optional<std::string> ValueOf(const std::string& text, const std::string& name) {
  if (text == name) return "";
  if (!text.starts_with(name + "=")) return std::nullopt;
  return text.substr(name.size() + 1);
}

// --- tables

std::vector<std::string> KnownHeadings(const KindTable& table) {
  std::vector<std::string> known;
  for (const Column& column : table.columns) known.push_back(column.heading);
  return known;
}

// One table of one kind.
class Table {
 public:
  static Result<Table> Make(const Shown& shown, Kind kind) {
    const KindTable* known = shown.version == ApiVersion::kV1 ? V1TableOf(kind) : &TableOf(kind);
    if (known == nullptr) return Refused(fmt::format("the v1 API has no {}", model::KindName(kind)));
    Table table;
    table.kind_ = kind;
    table.headings_ = !shown.form.headings.empty() ? shown.form.headings
                      : shown.form.wide            ? known->wide
                                                   : known->headings;
    if (shown.with_namespace && shown.form.headings.empty() && known->Find("NAMESPACE") != nullptr)
      table.headings_.insert(table.headings_.begin(), "NAMESPACE");
    for (const std::string& heading : table.headings_) {
      const Column* column = known->Find(heading);
      if (column == nullptr) {
        return Refused(fmt::format("unknown heading {}, valid values are: {}", heading,
                                   Join(KnownHeadings(*known), ", ")));
      }
      if (kind == Kind::kNode && heading == "ASN") table.global_as_ = shown.global_as_number();
      table.columns_.push_back(column);
    }
    return table;
  }

  void Add(const Object& object) {
    Row row;
    row.reserve(columns_.size());
    for (const Column* column : columns_) row.push_back(column->cell(object, global_as_));
    rows_.push_back(std::move(row));
    if (kind_ == Kind::kTier) {
      const auto& order = std::get<model::Tier>(object).order;
      orders_.push_back(order.value_or(std::numeric_limits<double>::infinity()));
    }
  }
  std::string Text() {
    SortTiers();
    return PaddedTable(headings_, rows_);
  }

 private:
  // Tiers stand in the order in which they are looked at.
  void SortTiers() {
    std::vector<std::size_t> at(orders_.size());
    for (std::size_t i = 0; i < at.size(); ++i) at[i] = i;
    std::stable_sort(at.begin(), at.end(),
                     [&](std::size_t a, std::size_t b) { return orders_[a] < orders_[b]; });
    std::vector<Row> sorted;
    for (const std::size_t i : at) sorted.push_back(std::move(rows_[i]));
    if (!sorted.empty()) rows_ = std::move(sorted);
  }

  Kind kind_ = Kind::kIPPool;
  std::vector<std::string> headings_;
  std::vector<const Column*> columns_;
  std::string global_as_;
  std::vector<Row> rows_;
  std::vector<double> orders_;
};

class TablePrinter final : public Printer {
 public:
  static Result<std::unique_ptr<Printer>> Make(const Shown& shown, std::ostream& out) {
    auto printer = std::make_unique<TablePrinter>(shown, out);
    if (shown.list) {
      ASSIGN_OR_RETURN(printer->table_, Table::Make(shown, *shown.list));
    }
    return std::unique_ptr<Printer>(std::move(printer));
  }
  TablePrinter(const Shown& shown, std::ostream& out) : shown_(shown), out_(out) {}

  Status Add(const Object& object) override {
    if (table_) {
      table_->Add(object);
      return Ok();
    }
    ASSIGN_OR_RETURN(Table table, Table::Make(shown_, model::KeyOf(object).kind));
    table.Add(object);
    out_ << table.Text();
    return Ok();
  }
  Status Finish(const std::string&) override {
    if (table_) out_ << table_->Text();
    return Ok();
  }

 private:
  const Shown shown_;
  std::ostream& out_;
  std::optional<Table> table_;  // of a list; single objects have one each
};

// --- YAML and JSON

// All of a kind, a batch at a time: what makes the text of one uses all CPUs.
class YamlListPrinter final : public Printer {
 public:
  YamlListPrinter(Kind kind, std::ostream& out) : kind_(kind), out_(out) {}

  Status Add(const Object& object) override {
    if (std::exchange(first_, false)) out_ << "apiVersion: projectcalico.org/v3\nitems:\n";
    batch_.push_back(object);
    if (batch_.size() == kBatch) PrintBatch();
    return Ok();
  }
  Status Finish(const std::string& revision) override {
    if (first_) {
      out_ << model::PrintListYaml(kind_, {}, revision);
    } else {
      PrintBatch();
      out_ << fmt::format("kind: {}List\nmetadata:\n  resourceVersion: \"{}\"\n", model::KindName(kind_),
                          revision);
    }
    return Ok();
  }

 private:
  static constexpr std::size_t kBatch = 1024;

  void PrintBatch() {
    std::vector<std::string> texts(batch_.size());
    ParallelFor(batch_.size(), batch_.size() == kBatch ? CpuCount() : 1,
                [&](std::size_t i, std::size_t) { texts[i] = model::PrintArrayYaml({batch_[i]}); });
    for (const std::string& text : texts) out_ << text;
    batch_.clear();
  }

  const Kind kind_;
  std::ostream& out_;
  bool first_ = true;
  std::vector<Object> batch_;
};

// The revision stands before the items: their text is kept until it is known.
class JsonListPrinter final : public Printer {
 public:
  JsonListPrinter(Kind kind, std::ostream& out) : kind_(kind), out_(out) {}

  Status Add(const Object& object) override {
    items_ += items_.empty() ? "\n    " : ",\n    ";
    items_ += ReplaceAll(model::PrintJson(object), "\n", "\n    ");
    return Ok();
  }
  Status Finish(const std::string& revision) override {
    const std::string empty = model::PrintListJson(kind_, {}, revision);
    const std::size_t brackets = empty.rfind("[]");
    out_ << empty.substr(0, brackets + 1) << items_ << (items_.empty() ? "" : "\n  ")
         << empty.substr(brackets + 1) << '\n';
    return Ok();
  }

 private:
  const Kind kind_;
  std::ostream& out_;
  std::string items_;
};

// Single objects: one stands alone, several are an array, none is "null" (reference calicoctl B.2). JSON ends
// in a line feed as up to v3.31, so that the shell's prompt starts on its own line.
class ObjectsPrinter final : public Printer {
 public:
  ObjectsPrinter(bool yaml, std::ostream& out) : yaml_(yaml), out_(out) {}

  Status Add(const Object& object) override {
    objects_.push_back(object);
    return Ok();
  }
  Status Finish(const std::string&) override {
    if (objects_.empty()) {
      out_ << "null\n";
    } else if (objects_.size() == 1) {
      out_ << (yaml_ ? model::PrintYaml(objects_[0]) : model::PrintJson(objects_[0]) + "\n");
    } else {
      out_ << (yaml_ ? model::PrintArrayYaml(objects_) : model::PrintArrayJson(objects_) + "\n");
    }
    return Ok();
  }

 private:
  const bool yaml_;
  std::ostream& out_;
  std::vector<Object> objects_;
};

// Documents of the v1 API: a flat array, item by item (reference calicoctl D.5).
class V1Printer final : public Printer {
 public:
  V1Printer(bool yaml, std::ostream& out) : yaml_(yaml), out_(out) {}

  Status Add(const Object& object) override {
    ASSIGN_OR_RETURN(std::string text, yaml_ ? model::PrintV1Yaml({object}) : model::PrintV1Json({object}));
    if (!yaml_) {
      // "[\n  {…}\n]\n": the item without the brackets.
      text = text.substr(0, text.rfind("\n]"));
      text = (first_ ? "[" : ",") + text.substr(1);
    }
    first_ = false;
    out_ << text;
    return Ok();
  }
  Status Finish(const std::string&) override {
    if (first_)
      out_ << "[]\n";
    else if (!yaml_)
      out_ << "\n]\n";
    return Ok();
  }

 private:
  const bool yaml_;
  std::ostream& out_;
  bool first_ = true;
};

// "ippool/pool-a", and "networkpolicy/shop/allow-dns" where there are namespaces to tell apart.
class NamePrinter final : public Printer {
 public:
  NamePrinter(const Shown& shown, std::ostream& out) : shown_(shown), out_(out) {}

  Status Add(const Object& object) override {
    const model::Key key = model::KeyOf(object);
    std::string kind(model::KindName(key.kind));
    if (shown_.version == ApiVersion::kV1) kind = model::V1KindName(key.kind).value_or(kind);
    out_ << ToLower(kind) << '/' << (shown_.with_namespace && !key.ns.empty() ? key.ns + "/" : "") << key.name
         << '\n';
    return Ok();
  }
  Status Finish(const std::string&) override { return Ok(); }

 private:
  const Shown shown_;
  std::ostream& out_;
};

}  // namespace

Result<OutputForm> ParseOutputForm(const std::string& text) {
  using Form = OutputForm::Form;
  if (text == "ps") return OutputForm{};
  if (text == "wide") return OutputForm{Form::kTable, true, {}, {}};
  if (text == "yaml" || text == "yml") return OutputForm{Form::kYaml, false, {}, {}};
  if (text == "json") return OutputForm{Form::kJson, false, {}, {}};
  if (text == "name") return OutputForm{Form::kName, false, {}, {}};
  if (const auto headings = ValueOf(text, "custom-columns")) {
    if (headings->empty()) return Refused("need to specify at least one column");
    return OutputForm{Form::kTable, false, Split(*headings, ','), {}};
  }
  if (const auto path = ValueOf(text, "go-template-file")) {
    if (path->empty()) return Refused("need to specify a template file");
    ASSIGN_OR_RETURN(std::string content, ReadFile(*path));
    return OutputForm{Form::kTemplate, false, {}, std::move(content)};
  }
  if (const auto content = ValueOf(text, "go-template")) {
    if (content->empty()) return Refused("need to specify a template");
    return OutputForm{Form::kTemplate, false, {}, *content};
  }
  return Refused(fmt::format("unrecognized output format '{}'", text));
}

Result<std::unique_ptr<Printer>> MakePrinter(const Shown& shown, std::ostream& out) {
  using Form = OutputForm::Form;
  const bool yaml = shown.form.form == Form::kYaml;
  switch (shown.form.form) {
    case Form::kTable:
      return TablePrinter::Make(shown, out);
    case Form::kName:
      return std::unique_ptr<Printer>(std::make_unique<NamePrinter>(shown, out));
    case Form::kTemplate:
      return MakeTemplatePrinter(shown, out);
    case Form::kYaml:
    case Form::kJson:
      break;
  }
  if (shown.version == ApiVersion::kV1)
    return std::unique_ptr<Printer>(std::make_unique<V1Printer>(yaml, out));
  if (!shown.list) return std::unique_ptr<Printer>(std::make_unique<ObjectsPrinter>(yaml, out));
  if (yaml) return std::unique_ptr<Printer>(std::make_unique<YamlListPrinter>(*shown.list, out));
  return std::unique_ptr<Printer>(std::make_unique<JsonListPrinter>(*shown.list, out));
}

}  // namespace calico::calicoctl
