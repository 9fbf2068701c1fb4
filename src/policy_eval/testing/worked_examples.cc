// SPDX-License-Identifier: Apache-2.0
#include "policy_eval/testing/worked_examples.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/codec/document.h"
#include "policy_eval/testing/yaml_file.h"

namespace calico::policy_eval {
namespace {

using Json = nlohmann::json;

constexpr char kHostUnderTest[] = "host-a";

[[noreturn]] void Fail(const std::string& where, const std::string& why) {
  throw std::runtime_error(where + ": " + why);
}

Json ReadFile(const std::string& path) {
  return Json::parse(YamlFileAsJson(path));
}

// --- resources

void AddDocument(Cluster& cluster, const Json& json, bool stored, const std::string& where) {
  auto documents = model::ParseDocuments(json.dump(), where);
  if (!documents.has_value()) Fail(where, documents.error().message());
  for (model::Document& document : *documents) {
    if (stored) {
      Store(cluster, std::move(document.object));
    } else if (const Status status = Write(cluster, std::move(document.object)); !status.has_value()) {
      Fail(where, status.error().message() + " in " + json.dump());
    }
  }
}

net::Ip Address(const std::string& text) {
  const auto ip = net::Ip::Parse(text);
  if (!ip) Fail(text, "is no address");
  return *ip;
}

std::optional<model::Key> FindWorkload(const Cluster& cluster, const std::string& text) {
  std::optional<model::Key> found;
  cluster.ForEach<model::WorkloadEndpoint>(
      [&](const model::Key& key, const model::WorkloadEndpoint& endpoint) {
        const std::string& name = endpoint.pod.empty() ? endpoint.workload : endpoint.pod;
        if (endpoint.metadata.ns + "/" + name == text) found = key;
      });
  return found;
}

// --- probes

// Where a packet comes from or goes, and its address there.
struct End {
  Place place;
  net::Ip ip;
};

net::Ip AddressOf(const std::vector<std::string>& texts, net::Family family, const std::string& what) {
  for (const std::string& text : texts) {
    const auto cidr = net::Cidr::Parse(text);
    if (cidr && cidr->family() == family) return cidr->ip();
  }
  Fail(what, "has no address of the family");
}

End EndOf(const Cluster& cluster, const std::string& text, net::Family family) {
  if (const auto ip = net::Ip::Parse(text)) return {Place::Outside(), *ip};
  if (const auto workload = FindWorkload(cluster, text)) {
    const auto* endpoint = cluster.Find<model::WorkloadEndpoint>(*workload);
    return {Place::Workload(*workload), AddressOf(endpoint->ip_networks, family, text)};
  }
  const auto* node = cluster.Find<model::Node>(model::Key::Resource(model::Kind::kNode, text));
  if (node == nullptr) Fail(text, "is no address, no pod and no host");
  const std::vector<std::string> addresses = {node->bgp->ipv4_address, node->bgp->ipv6_address};
  return {Place::OfHost(text), AddressOf(addresses, family, text)};
}

net::Family FamilyOf(const Json& probe) {
  if (probe.contains("family")) return probe["family"] == 6 ? net::Family::kV6 : net::Family::kV4;
  for (const char* member : {"from", "to"}) {
    if (const auto ip = net::Ip::Parse(probe[member].get<std::string>())) return ip->family();
  }
  return net::Family::kV4;
}

Packet PacketOf(const Json& probe, const End& from, const End& to) {
  constexpr std::uint16_t kSourcePort = 40000;
  Packet packet;
  packet.source = probe.contains("source") ? Address(probe["source"]) : from.ip;
  packet.destination = probe.contains("at") ? Address(probe["at"]) : to.ip;
  packet.protocol = net::ParseProtocol(probe.value("protocol", "tcp")).value();
  if (packet.has_ports()) {
    packet.source_port = probe.value("source_port", kSourcePort);
    packet.destination_port = probe.at("port");
  }
  if (probe.contains("icmp")) {
    packet.icmp_type = probe["icmp"].at("type");
    packet.icmp_code = probe["icmp"].at("code");
  }
  if (probe.value("connection", "") == "established") packet.connection = Connection::kEstablished;
  return packet;
}

Journey JourneyOf(const Cluster& cluster, const Json& probe) {
  const net::Family family = FamilyOf(probe);
  const End from = EndOf(cluster, probe.at("from"), family);
  End to = EndOf(cluster, probe.at("to"), family);
  Journey journey;
  journey.packet = PacketOf(probe, from, to);
  if (probe.contains("dnat")) {
    to = EndOf(cluster, probe["dnat"].at("to"), family);
    journey.dnat = Rewrite{to.ip, probe["dnat"].at("port")};
  }
  journey.from = from.place;
  journey.to = to.place;
  journey.in_interface = probe.value("in", "");
  journey.out_interface = probe.value("out", "");
  if (from.place.kind == Place::Kind::kOutside) journey.through = kHostUnderTest;
  return journey;
}

bool IsJudge(const Json& probe, const char* name) {
  if (!probe.contains("judges")) return true;
  const Json& judges = probe["judges"];
  return std::find(judges.begin(), judges.end(), name) != judges.end();
}

Probe ProbeOf(const Cluster& cluster, const Json& json) {
  Probe probe;
  probe.text = json.dump();
  probe.journey = JourneyOf(cluster, json);
  probe.verdict = json.at("verdict");
  probe.because = json.at("by");
  probe.logs = json.value("logs", std::size_t{0});
  if (json.contains("staged")) probe.staged = json["staged"].get<std::map<std::string, std::string>>();
  probe.for_evaluator = IsJudge(json, "evaluator");
  probe.for_kernel = IsJudge(json, "kernel");
  probe.why_not_all = json.value("why", "");
  return probe;
}

// --- rows

void AddFacts(Cluster& cluster, const Json& row) {
  if (row.value("dialect", "") == "v2.6") cluster.dialect = Dialect::kV26;
  for (const Json& slice : row.value("endpoint_slices", Json::array())) {
    cluster.services[slice.at("service")].push_back(
        {Address(slice.at("address")), net::ParseProtocol(slice.at("protocol").get<std::string>()).value(),
         slice.at("port")});
  }
  for (const Json& name : row.value("admin_down", Json::array())) {
    const auto workload = FindWorkload(cluster, name);
    if (!workload) Fail(name, "is no workload");
    cluster.admin_down.insert(*workload);
  }
}

WorkedExample ExampleOf(const Json& row, const Json& fixtures) {
  WorkedExample example;
  example.row = row.at("row");
  example.name = fmt::format("row {}", example.row);
  if (row.contains("variant")) example.name += ", " + row["variant"].get<std::string>();
  std::vector<std::string> uses{"world"};
  for (const Json& name : row.value("uses", Json::array())) uses.push_back(name);
  for (const std::string& name : uses) {
    for (const Json& document : fixtures.at(name)) AddDocument(example.cluster, document, false, name);
  }
  for (const Json& object : row.value("stored", Json::array()))
    AddDocument(example.cluster, object, true, example.name);
  for (const Json& document : row.value("documents", Json::array()))
    AddDocument(example.cluster, document, false, example.name);
  AddFacts(example.cluster, row);
  for (const Json& probe : row.at("probes")) example.probes.push_back(ProbeOf(example.cluster, probe));
  return example;
}

}  // namespace

std::vector<WorkedExample> ReadWorkedExamples(const std::string& folder) {
  const Json fixtures = ReadFile(folder + "/fixtures.yaml");
  std::vector<WorkedExample> examples;
  for (const char* file : {"tiers_and_types.yaml", "rules.yaml", "hosts.yaml", "others.yaml"}) {
    for (const Json& row : ReadFile(folder + "/" + file)) examples.push_back(ExampleOf(row, fixtures));
  }
  std::stable_sort(examples.begin(), examples.end(),
                   [](const WorkedExample& a, const WorkedExample& b) { return a.row < b.row; });
  return examples;
}

}  // namespace calico::policy_eval
