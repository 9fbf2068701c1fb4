// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <istream>
#include <memory>
#include <ostream>
#include <string>

#include "apps/calicoctl/arguments.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/environment.h"
#include "datastore/client.h"
#include "datastore/resources.h"

namespace calico::calicoctl {

struct OpenedStore {
  std::string reason;  // why this store was chosen
  std::unique_ptr<datastore::Client> client;
};

// The surroundings of one run of the program.
struct Surroundings {
  const Environment& environment;
  const Clock& clock;
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  // Opens the store that `--config` ("" if not given) and the environment name.
  std::function<Result<OpenedStore>(const std::string& config_file)> open;
  std::string program = "calicoctl";  // base name it was called by: `kubectl-calico` is a plugin
  bool colour = false;                // `out` is a terminal that takes colours
  bool err_is_terminal = false;       // a progress bar may be drawn on `err`
  std::function<void(Duration)> wait = SleepFor;
  // The same, but makes an embedded store that is not there yet. Empty: `open`.
  std::function<Result<OpenedStore>(const std::string& config_file)> create = {};
};

// What a command works on. Commands return the exit code: 0, or 1 after anything that went wrong.
struct Session {
  const Arguments& arguments;
  const Surroundings& surroundings;
  const OpenedStore* store = nullptr;  // of commands that need one

  const Environment& environment() const { return surroundings.environment; }
  const Clock& clock() const { return surroundings.clock; }
  std::istream& in() const { return surroundings.in; }
  std::ostream& out() const { return surroundings.out; }
  std::ostream& err() const { return surroundings.err; }
  datastore::Client& client() const {
    CHECK(store != nullptr, "the command's specification says that it needs no store");
    return *store->client;
  }
  datastore::Resources resources() const { return datastore::Resources(client(), clock()); }

  // Ends a command: one line on stderr, exit code 1 unless the command says otherwise.
  int Fail(const std::string& text) const {
    err() << text << '\n';
    return arguments.command().failure_code;
  }
};

}  // namespace calico::calicoctl
