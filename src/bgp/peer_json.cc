// SPDX-License-Identifier: Apache-2.0
#include "bgp/peer_json.h"

#include <cmath>

#include <nlohmann/json.hpp>

namespace calico::bgp {
namespace {

using Json = nlohmann::ordered_json;
using Milliseconds = std::optional<std::chrono::milliseconds>;

// One list of names for both directions. Texts that are empty and numbers that are 0 are left out.
template <typename V, typename P>
void Fields(V& v, P& peer) {
  v("session", peer.session);
  v("address", peer.address);
  v("type", peer.type);
  v("node", peer.node);
  v("state", peer.state);
  v("since", peer.since);
  v("bgpState", peer.bgp_state);
  v("info", peer.info);
  v("lastError", peer.last_error);
  v("asNumber", peer.as_number);
  v("localASNumber", peer.local_as_number);
  v("routesIn", peer.routes_in);
  v("routesOut", peer.routes_out);
  v("holdTimerSeconds", peer.hold_left);
  v("holdTimeSeconds", peer.hold_time);
  v("keepaliveTimeSeconds", peer.keepalive_time);
}

struct Writer {
  Json json = Json::object();
  void operator()(const char* name, const std::string& value) {
    if (!value.empty()) json[name] = value;
  }
  void operator()(const char* name, std::uint32_t value) {
    if (value != 0) json[name] = value;
  }
  void operator()(const char* name, const std::optional<std::uint64_t>& value) {
    if (value) json[name] = *value;
  }
  void operator()(const char* name, const Milliseconds& value) {
    if (value) json[name] = static_cast<double>(value->count()) / 1000;
  }
};

struct Reader {
  const Json& json;
  void operator()(const char* name, std::string& value) const { value = json.value(name, std::string()); }
  void operator()(const char* name, std::uint32_t& value) const { value = json.value(name, 0U); }
  void operator()(const char* name, std::optional<std::uint64_t>& value) const {
    if (json.contains(name)) value = json.at(name).get<std::uint64_t>();
  }
  void operator()(const char* name, Milliseconds& value) const {
    if (json.contains(name))
      value = std::chrono::milliseconds(std::llround(json.at(name).get<double>() * 1000));
  }
};

constexpr char kSinceTime[] = "sinceTime", kFamily[] = "family";

}  // namespace

std::string PeersToJson(const std::vector<PeerStatus>& peers) {
  Json list = Json::array();
  for (const PeerStatus& peer : peers) {
    Writer writer;
    Fields(writer, peer);
    writer.json[kFamily] = peer.ipv6 ? 6 : 4;
    if (peer.since_time) writer.json[kSinceTime] = FormatRfc3339(*peer.since_time);
    list.push_back(std::move(writer.json));
  }
  return list.dump(2, ' ', false, Json::error_handler_t::replace);
}

Result<std::vector<PeerStatus>> PeersFromJson(const std::string& text) {
  std::vector<PeerStatus> peers;
  try {
    for (const Json& json : Json::parse(text)) {
      PeerStatus peer;
      const Reader reader{json};
      Fields(reader, peer);
      peer.ipv6 = json.at(kFamily) == 6;
      if (json.contains(kSinceTime)) peer.since_time = ParseRfc3339(json.at(kSinceTime).get<std::string>());
      peers.push_back(std::move(peer));
    }
  } catch (const Json::exception& error) {
    return Error(ErrorCode::kInvalidArgument, std::string("sessions: ") + error.what());
  }
  return peers;
}

}  // namespace calico::bgp
