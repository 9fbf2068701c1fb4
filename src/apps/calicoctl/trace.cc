// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/resource_input.h"
#include "apps/calicoctl/session.h"
#include "apps/calicoctl/trace_ends.h"
#include "apps/calicoctl/trace_live.h"
#include "base/text.h"
#include "model/codec/json.h"

// Whether a connection may be made, which rule says so on each host, and what would have allowed it: the
// policy evaluator's answer.
namespace calico::calicoctl {
namespace {

using Json = nlohmann::ordered_json;
using policy_eval::Action;
using policy_eval::Step;
using policy_eval::Verdict;

constexpr int kDenied = 1, kError = 2;
constexpr std::uint16_t kSourcePort = 40000;

struct Question {
  TraceEnd from, to;
  policy_eval::Packet packet;
};
struct Answer {
  Question question;
  policy_eval::PathVerdict verdict;
  std::vector<LiveAnswer> live;  // --live
  bool allowed() const { return verdict.action != Action::kDeny; }
};

// ---- The question.

Result<int> Number(const Session& session, const std::string& option, int fallback, int highest) {
  const std::string text = session.arguments.Text(option);
  if (text.empty()) return fallback;
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0 || number > highest)
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{} {}: a number from 0 to {} is wanted", option, text, highest));
  return number;
}

// The family in which both ends have an address.
Result<net::Family> FamilyOf(const Session& session, const TraceEnd& from, const TraceEnd& to) {
  ASSIGN_OR_RETURN(const int wanted, Number(session, "--ip-version", 0, 6));
  for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
    if (wanted != 0 && wanted != static_cast<int>(family)) continue;
    const auto has = [&](const TraceEnd& end) {
      for (const net::Ip& ip : end.addresses) {
        if (ip.family() == family) return true;
      }
      return false;
    };
    if (has(from) && has(to)) return family;
  }
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{} and {} have no address of one IP version{}", from.name, to.name,
                           wanted == 0 ? "" : fmt::format(" {}", wanted)));
}

net::Ip AddressOf(const TraceEnd& end, net::Family family) {
  for (const net::Ip& ip : end.addresses) {
    if (ip.family() == family) return ip;
  }
  return {};
}

Result<Question> MakeQuestion(const Session& session, const TraceEnd& from, const TraceEnd& to) {
  Question question{from, to, {}};
  if (from.place.kind == policy_eval::Place::Kind::kOutside &&
      to.place.kind == policy_eval::Place::Kind::kOutside)
    return Error(ErrorCode::kInvalidArgument, "neither end is a workload or a host of this cluster");
  ASSIGN_OR_RETURN(const net::Family family, FamilyOf(session, from, to));
  policy_eval::Packet& packet = question.packet;
  packet.source = AddressOf(from, family);
  packet.destination = AddressOf(to, family);
  std::string name = session.arguments.Text("--protocol", "tcp");
  if (EqualsIgnoreCase(name, "icmp") && family == net::Family::kV6) name = "icmpv6";
  const auto protocol = net::ParseProtocol(name);
  if (!protocol)
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("unknown protocol {}: tcp, udp, sctp, icmp or a number", name));
  packet.protocol = *protocol;
  if (packet.has_ports()) {
    if (!session.arguments.Has("--port"))
      return Error(ErrorCode::kInvalidArgument, fmt::format("--port is needed with {}", ToLower(name)));
    ASSIGN_OR_RETURN(const int port, Number(session, "--port", 0, 65535));
    ASSIGN_OR_RETURN(const int source_port, Number(session, "--source-port", kSourcePort, 65535));
    packet.destination_port = static_cast<std::uint16_t>(port);
    packet.source_port = static_cast<std::uint16_t>(source_port);
  }
  if (packet.is_icmp()) {
    ASSIGN_OR_RETURN(packet.icmp_type,
                     Number(session, "--icmp-type", family == net::Family::kV4 ? 8 : 128, 255));
    ASSIGN_OR_RETURN(packet.icmp_code, Number(session, "--icmp-code", 0, 255));
  }
  return question;
}

// ---- The answer in words.

struct Colours {
  bool on = false;
  std::string Of(bool allowed, const std::string& text) const {
    return on ? fmt::format("\x1b[1;{}m{}\x1b[0m", allowed ? 32 : 31, text) : text;
  }
};

std::string_view Word(Action action) {
  return action == Action::kNone ? "no verdict" : policy_eval::ActionName(action);
}
std::string AskedOf(const Step& step) {
  if (step.endpoint) return model::Describe(*step.endpoint);
  return step.interface.empty() ? "the host" : "interface " + step.interface;
}
std::string Direction(const Step& step) {
  const char* direction = step.direction == policy_eval::Direction::kIngress ? "ingress" : "egress";
  switch (step.stage) {
    case policy_eval::Stage::kForward:
      return fmt::format("forward {}", direction);
    case policy_eval::Stage::kUntracked:
      return fmt::format("untracked {}", direction);
    case policy_eval::Stage::kPreDnat:
      return fmt::format("pre-DNAT {}", direction);
    default:
      return direction;
  }
}
std::string Text(const policy_eval::Mismatch& mismatch) {
  return fmt::format("{} is {}, wanted {}", mismatch.field, mismatch.actual, mismatch.wanted);
}
// Why no rule of it matched.
std::vector<std::string> WhyNot(const policy_eval::PolicyTrace& policy) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < policy.rules.size(); ++i) {
    const policy_eval::RuleTrace& rule = policy.rules[i];
    if (rule.matched) continue;
    lines.push_back(fmt::format("rule {} ({}): {}", i + 1, policy_eval::ActionName(rule.action),
                                rule.mismatches.empty() ? rule.unreadable : Text(rule.mismatches[0])));
  }
  if (policy.rules.empty()) lines.emplace_back("it has no rule in this direction");
  return lines;
}

void PrintStep(const Step& step, const Colours& colours, std::ostream& out) {
  const Verdict& verdict = step.verdict;
  out << fmt::format("\n{}: {} of {}: {}\n", step.node, Direction(step), AskedOf(step),
                     colours.Of(verdict.action != Action::kDeny, std::string(Word(verdict.action))));
  out << fmt::format("  decided by {}\n", policy_eval::Because(verdict));
  for (const policy_eval::TierTrace& tier : verdict.tiers) {
    for (const policy_eval::PolicyTrace& policy : tier.policies) {
      const bool decided = verdict.policy == policy.key && !policy.staged;
      if (decided || !policy.reached) continue;
      const std::string name = fmt::format("{}{} in tier {}", policy.staged ? "staged policy " : "policy ",
                                           policy_eval::PolicyName(policy.key), tier.name);
      if (policy.rule) {
        out << fmt::format("  {} {}: rule {} ({})\n", name, policy.staged ? "would have decided" : "matched",
                           *policy.rule + 1, policy_eval::ActionName(policy.rules[*policy.rule].action));
        continue;
      }
      out << fmt::format("  {} selects it and did not match\n", name);
      for (const std::string& line : WhyNot(policy)) out << "    " << line << '\n';
    }
  }
  if (verdict.action != Action::kDeny) return;
  const auto nearest = policy_eval::NearestAllowOf(verdict);
  if (!nearest) {
    out << "  no rule of its policies and profiles allows anything in this direction\n";
    return;
  }
  out << fmt::format("  nearest rule that would have allowed it: {} rule {}{}\n",
                     policy_eval::PolicyName(nearest->policy), nearest->rule + 1,
                     nearest->reached ? "" : ", which comes too late");
  for (const policy_eval::Mismatch& mismatch : nearest->mismatches) out << "    " << Text(mismatch) << '\n';
}

void PrintText(const Answer& answer, const Colours& colours, std::ostream& out) {
  out << fmt::format("{}: {}\n", colours.Of(answer.allowed(), answer.allowed() ? "ALLOWED" : "DENIED"),
                     policy_eval::ToString(answer.question.packet));
  out << fmt::format("  from {}\n  to   {}\n", answer.question.from.name, answer.question.to.name);
  if (answer.verdict.action == Action::kNone)
    out << "  no policy says anything of it: the hosts' own firewalls decide\n";
  for (const Step& step : answer.verdict.steps) PrintStep(step, colours, out);
}

// "rule 3 of chain cali-pi-np/shop/web (rule 1)": the comment says which rule of the policy it is.
std::string Text(const dataplane::WalkedRule& rule) {
  return fmt::format("rule {} of chain {}{}", rule.number, rule.chain,
                     rule.comment.empty() ? "" : fmt::format(" ({})", rule.comment));
}
void PrintLive(const LiveAnswer& live, const Colours& colours, std::ostream& out) {
  const dataplane::Walk& walk = live.walk;
  out << fmt::format("\n{}: in the kernel: {}\n", live.crossing.node,
                     colours.Of(!walk.dropped, walk.dropped ? "dropped" : "let through"));
  out << fmt::format("  decided by {}\n", walk.decided_by ? Text(*walk.decided_by) : "no rule of ours");
  for (const dataplane::WalkedRule& rule : walk.foreign)
    out << fmt::format("  {} is not of our making: what it does is not known\n", Text(rule));
  for (const std::string& missing : walk.missing) out << fmt::format("  {} is not there\n", missing);
  out << (live.agrees ? "  as the policies say\n" : "  NOT what the policies say\n");
}

// ---- The answer for programs.

Json AsJson(const policy_eval::Mismatch& mismatch) {
  return {{"field", mismatch.field}, {"wanted", mismatch.wanted}, {"actual", mismatch.actual}};
}
Json AsJson(const Step& step) {
  const Verdict& verdict = step.verdict;
  Json json{{"node", step.node}, {"interface", step.interface}};
  if (step.endpoint) json["endpoint"] = model::Describe(*step.endpoint);
  json["direction"] = Direction(step);
  json["verdict"] = Word(verdict.action);
  json["because"] = policy_eval::Because(verdict);
  if (!verdict.tier.empty()) json["tier"] = verdict.tier;
  if (verdict.policy) json["policy"] = model::Describe(*verdict.policy);
  if (verdict.rule) json["rule"] = *verdict.rule + 1;
  Json policies = Json::array();
  for (const policy_eval::TierTrace& tier : verdict.tiers) {
    for (const policy_eval::PolicyTrace& policy : tier.policies) {
      Json one{{"policy", model::Describe(policy.key)},
               {"tier", tier.name},
               {"staged", policy.staged},
               {"reached", policy.reached}};
      if (policy.rule) {
        one["matchedRule"] = *policy.rule + 1;
        one["action"] = policy_eval::ActionName(policy.rules[*policy.rule].action);
      }
      Json rules = Json::array();
      for (std::size_t i = 0; i < policy.rules.size(); ++i) {
        if (policy.rules[i].matched) continue;
        Json mismatches = Json::array();
        for (const auto& mismatch : policy.rules[i].mismatches) mismatches.push_back(AsJson(mismatch));
        rules.push_back({{"rule", i + 1},
                         {"action", policy_eval::ActionName(policy.rules[i].action)},
                         {"mismatches", std::move(mismatches)}});
      }
      one["unmatchedRules"] = std::move(rules);
      policies.push_back(std::move(one));
    }
  }
  json["policies"] = std::move(policies);
  if (verdict.action != Action::kDeny) return json;
  if (const auto nearest = policy_eval::NearestAllowOf(verdict)) {
    Json mismatches = Json::array();
    for (const auto& mismatch : nearest->mismatches) mismatches.push_back(AsJson(mismatch));
    json["nearestAllow"] = {{"policy", model::Describe(nearest->policy)},
                            {"rule", nearest->rule + 1},
                            {"reached", nearest->reached},
                            {"mismatches", std::move(mismatches)}};
  }
  return json;
}
Json AsJson(const dataplane::WalkedRule& rule) {
  return {{"chain", rule.chain}, {"rule", rule.number}, {"comment", rule.comment}};
}
Json AsJson(const LiveAnswer& live) {
  Json json{{"node", live.crossing.node}, {"dropped", live.walk.dropped}, {"agrees", live.agrees}};
  if (live.walk.decided_by) json["decidedBy"] = AsJson(*live.walk.decided_by);
  json["foreignRules"] = Json::array();
  for (const dataplane::WalkedRule& rule : live.walk.foreign) json["foreignRules"].push_back(AsJson(rule));
  json["missing"] = live.walk.missing;
  return json;
}
Json AsJson(const Answer& answer) {
  const policy_eval::Packet& packet = answer.question.packet;
  Json of_packet{{"protocol", policy_eval::ProtocolName(packet.protocol)},
                 {"source", packet.source.ToString()},
                 {"destination", packet.destination.ToString()}};
  if (packet.has_ports()) {
    of_packet["sourcePort"] = packet.source_port;
    of_packet["destinationPort"] = packet.destination_port;
  }
  if (packet.is_icmp()) {
    of_packet["icmpType"] = packet.icmp_type;
    of_packet["icmpCode"] = packet.icmp_code;
  }
  Json steps = Json::array();
  for (const Step& step : answer.verdict.steps) steps.push_back(AsJson(step));
  Json json{{"verdict", Word(answer.verdict.action)}, {"allowed", answer.allowed()},
            {"from", answer.question.from.name},      {"to", answer.question.to.name},
            {"packet", std::move(of_packet)},         {"steps", std::move(steps)}};
  if (!answer.live.empty()) {
    json["kernel"] = Json::array();
    for (const LiveAnswer& live : answer.live) json["kernel"].push_back(AsJson(live));
  }
  return json;
}

// ---- The command.

Result<policy_eval::Cluster> ClusterAsked(const Session& session) {
  const Result<OpenedStore> store = session.surroundings.open(session.arguments.Text("--config"));
  if (!store.has_value()) return store.error();
  ASSIGN_OR_RETURN(policy_eval::Cluster cluster, ReadCluster(*store->client));
  if (!session.arguments.Has("--filename")) return cluster;
  ASSIGN_OR_RETURN(std::vector<model::Document> documents, ReadDocuments(session));
  for (model::Document& document : documents) {
    const model::Key key = model::KeyOf(document.object);
    if (Status status = policy_eval::Write(cluster, std::move(document.object)); !status.has_value()) {
      return Error(status.error().code(),
                   fmt::format("{}: {}", model::Describe(key), status.error().message()));
    }
  }
  return cluster;
}

// With the interfaces that packets from and to outside take on this host.
void UseRoutes(const LiveHost& host, policy_eval::Journey& journey) {
  using Kind = policy_eval::Place::Kind;
  if (journey.from.kind == Kind::kOutside) journey.in_interface = host.InterfaceTo(journey.packet.source);
  if (journey.to.kind == Kind::kOutside) journey.out_interface = host.InterfaceTo(journey.packet.destination);
}

Result<std::vector<Answer>> Ask(const Session& session) {
  ASSIGN_OR_RETURN(policy_eval::Cluster cluster, ClusterAsked(session));
  std::optional<LiveHost> live;
  if (session.arguments.Has("--live")) {
    ASSIGN_OR_RETURN(live, ReadLiveHost(session.environment()));
    cluster.interfaces[live->node] = live->addresses;
  }
  ASSIGN_OR_RETURN(const TraceEnd from, FindEnd(cluster, session.arguments.Text("--from")));
  ASSIGN_OR_RETURN(const TraceEnd to, FindEnd(cluster, session.arguments.Text("--to")));
  std::vector<Answer> answers;
  const std::string direction = session.arguments.Text("--direction", "forward");
  for (const bool back : {false, true}) {
    if (direction == (back ? "forward" : "reverse")) continue;
    ASSIGN_OR_RETURN(Question question,
                     back ? MakeQuestion(session, to, from) : MakeQuestion(session, from, to));
    policy_eval::Journey journey{question.from.place, question.to.place, question.packet, {}, {}, {}, {}};
    if (live) UseRoutes(*live, journey);
    Answer answer{std::move(question), EvaluateJourney(cluster, journey), {}};
    if (live) {
      ASSIGN_OR_RETURN(answer.live, AskLive(*live, cluster, journey));
    }
    answers.push_back(std::move(answer));
  }
  return answers;
}

int RunTrace(const Session& session) {
  const Result<std::vector<Answer>> answers = Ask(session);
  if (!answers.has_value()) return session.Fail(answers.error().message());
  bool allowed = true, agreed = true;
  Json json = Json::array();
  for (std::size_t i = 0; i < answers->size(); ++i) {
    const Answer& answer = (*answers)[i];
    allowed = allowed && answer.allowed();
    for (const LiveAnswer& live : answer.live) agreed = agreed && live.agrees;
    if (session.arguments.Text("--output") == "json") {
      json.push_back(AsJson(answer));
      continue;
    }
    if (i > 0) session.out() << '\n';
    PrintText(answer, {session.surroundings.colour}, session.out());
    for (const LiveAnswer& live : answer.live) PrintLive(live, {session.surroundings.colour}, session.out());
  }
  if (!json.empty()) session.out() << (json.size() == 1 ? json[0] : json).dump(2) << '\n';
  if (!agreed) {
    return session.Fail(
        "the kernel does not do what the policies say: calico-node has not got there yet "
        "(calico-node show status), or its rules were changed");
  }
  return allowed ? 0 : kDenied;
}

std::string Mistake(const Arguments& arguments) {
  const std::string direction = arguments.Text("--direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "both")
    return "--direction is forward, reverse or both";
  if (arguments.Has("--live") && arguments.Has("--filename"))
    return "--live asks the kernel, which knows nothing of the documents of --filename";
  const std::string output = arguments.Text("--output");
  if (!output.empty() && output != "text" && output != "json") return "--output is text or json";
  return "";
}

}  // namespace

std::vector<Command> TraceCommands() {
  Command trace;
  trace.path = {"trace"};
  trace.summary = "Say whether policy lets a connection through, and which rule decides";
  trace.description =
      "An end is a workload endpoint (NAME or NAMESPACE/NAME), a container or pod (NODE/ID or its name), a "
      "host\n"
      "(host:NODE) or an IP address. Asked is about the first packet of a new connection, at the source's "
      "host\n"
      "and at the destination's. With --live the rules that stand in this host's kernel are asked as well.\n"
      "Exit status: 0 allowed, 1 denied, 2 an error, or the kernel does not do what the policies say.";
  trace.options = Joined(
      {{"--from", 0, "END", "where the connection comes from", Completion::kNothing, {}, false, true},
       {"--to", 0, "END", "where it goes to", Completion::kNothing, {}, false, true},
       {"--protocol",
        0,
        "PROTOCOL",
        "tcp, udp, sctp, icmp or a number (default tcp)",
        Completion::kWords,
        {"tcp", "udp", "sctp", "icmp"}},
       {"--port", 0, "PORT", "destination port"},
       {"--source-port", 0, "PORT", "source port (default 40000)"},
       {"--icmp-type", 0, "TYPE", "default: an echo request"},
       {"--icmp-code", 0, "CODE", "default 0"},
       {"--ip-version",
        0,
        "4|6",
        "when both ends have addresses of both (default 4)",
        Completion::kWords,
        {"4", "6"}},
       {"--direction",
        0,
        "DIRECTION",
        "forward, reverse (the connection opened by --to) or both",
        Completion::kWords,
        {"forward", "reverse", "both"}},
       {"--output", 'o', "FORM", "text or json", Completion::kWords, {"text", "json"}},
       {"--filename", 'f', "FILENAME", "answer as if the documents of this file or directory were applied",
        Completion::kFile},
       {"--live", 0, "", "confirm it in the kernel of this host, which the connection must go through"},
       {"--recursive", 'R', "", "look into sub-directories of the directory given with --filename"},
       {"--skip-empty", 0, "", "files and directories without resources are no error"}},
      ConnectionOptions());
  trace.examples =
      "calicoctl trace --from host:host1 --to 198.51.100.7 --port 443\n"
      "calicoctl trace --from 203.0.113.9 --to web --port 80 -f planned-policy.yaml\n"
      "calicoctl trace --from web --to 203.0.113.9 --port 443 --live";
  trace.mistake = Mistake;
  trace.needs_store = false;  // it has its own exit status for a store that does not answer
  trace.failure_code = kError;
  trace.run = RunTrace;
  return {trace};
}

}  // namespace calico::calicoctl
