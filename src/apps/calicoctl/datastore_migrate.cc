// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/datastore_migrate.h"

#include "apps/calicoctl/cluster_lock.h"
#include "apps/calicoctl/commands.h"

namespace calico::calicoctl {
namespace {

int RunLock(const Session& session) {
  const Status locked = SetLocked(session, true);
  if (!locked.has_value()) return session.Fail(locked.error().message());
  session.out() << "Datastore locked.\n";
  return 0;
}

int RunUnlock(const Session& session) {
  const Status unlocked = SetLocked(session, false);
  if (!unlocked.has_value()) return session.Fail(unlocked.error().message());
  session.out() << "Datastore unlocked.\n";
  return 0;
}

Command LockCommand() {
  Command lock;
  lock.path = {"datastore", "migrate", "lock"};
  lock.summary = "Stop nodes from attaching and detaching containers";
  lock.description =
      "Sets datastoreReady of ClusterInformation to false. Running containers go on as they are. Needed by "
      "'datastore migrate export', 'ipam split' and 'ipam release --from-report'.";
  lock.options = ConnectionOptions();
  lock.examples = "calicoctl datastore migrate lock";
  lock.run = RunLock;
  return lock;
}

Command UnlockCommand() {
  Command unlock;
  unlock.path = {"datastore", "migrate", "unlock"};
  unlock.summary = "Let nodes go on after 'datastore migrate lock'";
  unlock.options = ConnectionOptions();
  unlock.examples = "calicoctl datastore migrate unlock";
  unlock.run = RunUnlock;
  return unlock;
}

}  // namespace

std::vector<Command> DatastoreCommands() {
  return {LockCommand(), UnlockCommand(), DatastoreExportCommand(), DatastoreImportCommand(),
          MigrateFrom26Command()};
}

}  // namespace calico::calicoctl
