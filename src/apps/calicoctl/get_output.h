// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/codec/document.h"
#include "model/update.h"

namespace calico::calicoctl {

// --output of `get`.
struct OutputForm {
  enum class Form { kTable, kYaml, kJson, kName, kTemplate } form = Form::kTable;
  bool wide = false;
  std::vector<std::string> headings;  // of custom-columns
  std::string template_text;
};
Result<OutputForm> ParseOutputForm(const std::string& text);

// What is printed, and in which dialect.
struct Shown {
  OutputForm form;
  model::ApiVersion version = model::ApiVersion::kV3;
  std::optional<model::Kind> list;                // all of a kind; unset: single objects
  bool with_namespace = false;                    // a first column NAMESPACE
  std::function<std::string()> global_as_number;  // of nodes without one of their own
};

// Takes the objects that `get` found, in order, and prints them. What can be printed at once is; tables wait
// for their widest cell and keep only the cells.
class Printer {
 public:
  virtual ~Printer() = default;
  virtual Status Add(const model::Object& object) = 0;
  // `revision` of the store, for lists.
  virtual Status Finish(const std::string& revision) = 0;
};
// An error: an unknown heading, a broken template, a kind that the dialect lacks.
Result<std::unique_ptr<Printer>> MakePrinter(const Shown& shown, std::ostream& out);

}  // namespace calico::calicoctl
