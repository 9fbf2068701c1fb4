// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/command.h"

#include "apps/calicoctl/command_line.h"
#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/help.h"
#include "base/log.h"
#include "datastore/choice.h"

namespace calico::calicoctl {
namespace {

// The program says itself what went wrong: the log is for those who ask for it.
void SetUpLog(const std::string& level) {
  LogLevel parsed = LogLevel::kOff;
  if (!level.empty() && level != "panic") ParseLogLevel(level == "warn" ? "warning" : level, parsed);
  InitLogging(parsed, "calicoctl");
}

}  // namespace

Result<OpenedStore> OpenChosenStore(const Environment& environment, const std::string& config_file,
                                    bool create) {
  ASSIGN_OR_RETURN(datastore::StoreChoice choice,
                   datastore::ChooseStore(environment, config_file, datastore::Program::kCalicoctl));
  choice.create_sqlite = choice.create_sqlite || create;
  ASSIGN_OR_RETURN(std::unique_ptr<datastore::Client> client, datastore::OpenStore(choice));
  // A migration may well go to the servers that hold Calico 2.6's data.
  if (!create) RETURN_IF_ERROR(datastore::CheckGeneration(choice, *client));
  return OpenedStore{choice.reason, std::move(client)};
}

int RunCommand(const std::vector<std::string>& words, const Surroundings& surroundings) {
  const ParsedLine parsed = ParseCommandLine(words, AllCommands());
  surroundings.out << NamedAs(surroundings.program, parsed.out);
  surroundings.err << NamedAs(surroundings.program, parsed.err);
  if (!parsed.arguments) return parsed.exit_code;
  SetUpLog(parsed.log_level);

  const Command& command = parsed.arguments->command();
  Session session{*parsed.arguments, surroundings};
  if (!command.needs_store) return command.run(session);
  const auto& open = command.makes_store && surroundings.create ? surroundings.create : surroundings.open;
  const Result<OpenedStore> store = open(session.arguments.Text("--config"));
  if (!store.has_value()) return session.Fail(store.error().message());
  session.store = &*store;
  return command.run(session);
}

}  // namespace calico::calicoctl
