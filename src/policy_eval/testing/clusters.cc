// SPDX-License-Identifier: Apache-2.0
#include "policy_eval/testing/clusters.h"

#include <stdexcept>
#include <utility>

#include "base/text.h"
#include "model/codec/document.h"

namespace calico::policy_eval {

void Add(Cluster& cluster, const std::string& documents, bool stored) {
  const std::string text =
      ReplaceAll("\n" + documents, "\nkind:", "\napiVersion: projectcalico.org/v3\nkind:");
  auto parsed = model::ParseDocuments(text, "documents");
  if (!parsed.has_value()) throw std::runtime_error(parsed.error().message());
  for (model::Document& document : *parsed) {
    if (stored) {
      Store(cluster, std::move(document.object));
    } else if (const Status status = Write(cluster, std::move(document.object)); !status.has_value()) {
      throw std::runtime_error(status.error().message());
    }
  }
}

Cluster ClusterOf(const std::string& documents) {
  Cluster cluster;
  Add(cluster, documents);
  return cluster;
}

Packet Tcp(const std::string& source, const std::string& destination, std::uint16_t port) {
  constexpr std::uint16_t kSourcePort = 40000;
  Packet packet;
  packet.source = net::Ip::Parse(source).value();
  packet.destination = net::Ip::Parse(destination).value();
  packet.source_port = kSourcePort;
  packet.destination_port = port;
  return packet;
}

}  // namespace calico::policy_eval
