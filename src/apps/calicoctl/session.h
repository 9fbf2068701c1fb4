// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <istream>
#include <ostream>

#include "apps/calicoctl/arguments.h"
#include "base/clock.h"
#include "datastore/client.h"
#include "datastore/resources.h"

namespace calico::calicoctl {

// What a verb works on. Verbs return the exit code: 0, or 1 after anything that went wrong.
struct Session {
  const Arguments& arguments;
  datastore::Client& client;
  const Clock& clock;
  std::istream& in;
  std::ostream& out;
  std::ostream& err;

  datastore::Resources resources() const { return datastore::Resources(client, clock); }
};

}  // namespace calico::calicoctl
