// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/calicoctl/command_spec.h"
#include "apps/calicoctl/session.h"

// The commands of `datastore migrate` (reference calicoctl C.4).
namespace calico::calicoctl {

Command DatastoreExportCommand();
Command DatastoreImportCommand();
Command MigrateFrom26Command();

}  // namespace calico::calicoctl
