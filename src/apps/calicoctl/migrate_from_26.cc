// SPDX-License-Identifier: Apache-2.0
// From Calico 2.6 to v3 (reference datastore-model part D). The source is only read.
#include <initializer_list>
#include <map>

#include <fmt/format.h>

#include "apps/calicoctl/cluster_lock.h"
#include "apps/calicoctl/datastore_migrate.h"
#include "apps/calicoctl/table.h"
#include "datastore/migration/destination.h"
#include "datastore/migration/plan.h"
#include "datastore/migration/raw_check.h"

namespace calico::calicoctl {
namespace {

namespace migration = datastore::migration;

struct Source {
  OpenedStore store;
  std::vector<datastore::KeyValue> objects;
  std::vector<datastore::KeyValue> raw;  // what they were made of
};

Status ListInto(datastore::Client& client, std::initializer_list<const char*> prefixes,
                std::vector<datastore::KeyValue>& all) {
  for (const char* prefix : prefixes) {
    ASSIGN_OR_RETURN(datastore::ListResult list, client.List(prefix));
    for (datastore::KeyValue& kv : list.items) all.push_back(std::move(kv));
  }
  return Ok();
}

Result<Source> ReadSource(const Session& session) {
  Source source;
  ASSIGN_OR_RETURN(source.store, session.surroundings.open(session.arguments.Text("--source-config")));
  datastore::Client& client = *source.store.client;
  if (client.dialect() != datastore::Dialect::kCalico26) {
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("the source ({}) is no store of Calico 2.6: --source-config must name a file with "
                    "datastoreType etcdv2",
                    client.name()));
  }
  RETURN_IF_ERROR(ListInto(client, {"/calico/resources/v3/", "/calico/ipam/v2/"}, source.objects));
  RETURN_IF_ERROR(ListInto(client, {"/calico/v1/", "/calico/bgp/v1/"}, source.raw));
  return source;
}

std::string NameOf(const model::Key& key) {
  return key.ns.empty() ? key.name : key.ns + "/" + key.name;
}

// Resources one by one; blocks, affinities and handles keep their names, except that of a host.
void PrintPlan(const Session& session, const migration::Plan& plan, const std::set<model::Key>& done) {
  std::vector<Row> rows;
  std::map<std::string, int> ipam;
  for (const migration::Step& step : plan.steps) {
    if (migration::IsIpam(step) && !step.renamed) {
      ++ipam[step.v1_kind];
      continue;
    }
    std::string note = step.renamed && !migration::IsIpam(step) ? "renamed" : "";
    if (done.count(step.key) != 0) note += note.empty() ? "already there" : ", already there";
    rows.push_back({step.v1_kind, step.v1_name,
                    migration::IsIpam(step) ? step.v1_kind : std::string(model::KindName(step.key.kind)),
                    NameOf(step.key), note});
  }
  session.out() << PaddedTable({"V1-KIND", "V1-NAME", "V3-KIND", "V3-NAME", "NOTE"}, rows);
  if (!ipam.empty()) {
    session.out() << fmt::format("IPAM data under the same names: {} blocks, {} affinities, {} handles\n",
                                 ipam["ipamBlock"], ipam["ipamAffinity"], ipam["ipamHandle"]);
  }
}

void PrintSkipped(const Session& session, const migration::Plan& plan) {
  for (const migration::Remark& skipped : plan.skipped) {
    session.out() << fmt::format("Skipped {} {}: {}\n", skipped.v1_kind, skipped.v1_name, skipped.text);
  }
}

Error Problems(const migration::Plan& plan) {
  std::string text;
  for (const migration::Remark& problem : plan.problems) {
    text += fmt::format("{} {} can not be converted: {}\n", problem.v1_kind, problem.v1_name, problem.text);
  }
  return Error(ErrorCode::kInvalidArgument,
               text + fmt::format("{} problem(s) in the source; nothing was written", plan.problems.size()));
}

Status Write(const Session& session, const migration::Plan& plan, const std::set<model::Key>& done) {
  int written = 0;
  datastore::Resources resources = session.resources();
  const auto write = [&](const migration::Step& step) -> Status {
    if (done.count(step.key) != 0) return Ok();
    const Status stored = migration::WriteStep(session.client(), resources, step);
    if (!stored.has_value()) {
      return Error(stored.error()).WithContext(fmt::format("{} {}", step.v1_kind, step.v1_name));
    }
    ++written;
    if (step.renamed && !migration::IsIpam(step)) {
      session.out() << fmt::format("Renamed {} {} to {}\n", step.v1_kind, step.v1_name, NameOf(step.key));
    }
    return Ok();
  };
  // First of all what tells each program that the store is not to be used yet.
  const auto is_cluster = [](const migration::Step& step) {
    return step.key.kind == model::Kind::kClusterInformation;
  };
  for (const migration::Step& step : plan.steps) {
    if (is_cluster(step)) RETURN_IF_ERROR(write(step));
  }
  if (done.size() < plan.steps.size()) RETURN_IF_ERROR(SetLocked(session, true));
  for (const migration::Step& step : plan.steps) {
    if (!is_cluster(step)) RETURN_IF_ERROR(write(step));
  }
  session.out() << fmt::format("Successfully migrated {} object(s); {} were already there\n", written,
                               done.size());
  if (written > 0) {
    session.out() << "The datastore is locked. Start calico-node with it on every host, then run 'calicoctl "
                     "datastore migrate unlock'.\n";
  }
  return Ok();
}

Status Migrate(const Session& session) {
  if (session.client().dialect() == datastore::Dialect::kCalico26) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("the destination ({}) is a store of Calico 2.6: --config must name one of v3",
                             session.client().name()));
  }
  ASSIGN_OR_RETURN(const Source source, ReadSource(session));
  migration::Plan plan = migration::MakePlan(source.objects);
  for (migration::Remark& problem : migration::FindUnreadable(source.objects, source.raw)) {
    plan.problems.push_back(std::move(problem));
  }
  ASSIGN_OR_RETURN(const std::set<model::Key> done,
                   migration::FindDone(session.client(), session.clock(), plan));
  PrintSkipped(session, plan);
  if (session.arguments.Has("--dry-run")) PrintPlan(session, plan, done);
  if (!plan.problems.empty()) return Problems(plan);
  return session.arguments.Has("--dry-run") ? Ok() : Write(session, plan, done);
}

int RunMigrate(const Session& session) {
  const Status migrated = Migrate(session);
  return migrated.has_value() ? 0 : session.Fail(migrated.error().message());
}

}  // namespace

Command MigrateFrom26Command() {
  Command command;
  command.path = {"datastore", "migrate", "from-2.6"};
  command.summary = "Fill an empty datastore with what a Calico 2.6 cluster has in etcd v2";
  command.description =
      "The source is only read. Running it again adds what is missing and changes nothing else; a "
      "destination "
      "that holds anything of another origin is refused. Lock the source before (calicoctl datastore migrate "
      "lock --config=SOURCE), so that nothing changes there meanwhile. Policies and profiles of Kubernetes "
      "and "
      "OpenStack are left out: their controllers make them again.";
  command.options =
      Joined({{"--source-config", 0, "SOURCE", "configuration file of the 2.6 store (datastoreType: etcdv2)",
               Completion::kFile},
              {"--dry-run", 0, "", "say what becomes what, and write nothing"}},
             ConnectionOptions());
  command.examples =
      "calicoctl datastore migrate from-2.6 --source-config=/etc/calico/calicoctl-2.6.cfg --dry-run";
  command.mistake = [](const Arguments& arguments) {
    return std::string(arguments.Has("--source-config") ? "" : "--source-config is needed");
  };
  command.makes_store = true;
  command.run = RunMigrate;
  return command;
}

}  // namespace calico::calicoctl
