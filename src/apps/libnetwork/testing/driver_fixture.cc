// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/testing/driver_fixture.h"

#include <cstdlib>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <unistd.h>

#include "apps/libnetwork/endpoints.h"
#include "apps/libnetwork/profiles.h"
#include "ipam/allocator.h"
#include "model/codec/json.h"

namespace calico::libnetwork::testing {

void DriverFixture::SetUp() {
  ASSERT_EQ(::unshare(CLONE_NEWNET), 0) << "needs root";
  directory_ = ::testing::TempDir() + "libnetwork-XXXXXX";
  ASSERT_NE(::mkdtemp(directory_.data()), nullptr);
  options.node_name = "calico-node1";
  options.boot_id = "this-boot";
  options.docker_endpoint = "unix://" + directory_ + "/docker.sock";
  options.scope_path = directory_ + "/docker-scope";
  driver = std::make_unique<Driver>(
      faulty_, clock_, options, [this](const std::string& name, TimePoint) { waited_for.push_back(name); });
}

void DriverFixture::TearDown() {
  ::unlink((directory_ + "/docker.sock").c_str());
  ::unlink(options.scope_path.c_str());
  ::rmdir(directory_.c_str());
}

HttpResponse DriverFixture::Call(const std::string& method, const std::string& body) {
  HttpRequest request;
  request.method = "POST";
  request.path = "/" + method;
  request.body = body;
  request.received = clock_.Now();
  return method.rfind("Ipam", 0) == 0 ? driver->HandleIpam(request) : driver->HandleNetwork(request);
}

namespace {

std::string Expected(const HttpResponse& response) {
  EXPECT_EQ(response.status, 200) << response.body;
  return response.body;
}

std::string ExpectedError(const HttpResponse& response) {
  EXPECT_EQ(response.status, 500) << response.body;
  const auto json = nlohmann::json::parse(response.body, nullptr, false);
  return json.is_object() && json.contains("Err") ? json["Err"].get<std::string>()
                                                  : "no Err in: " + response.body;
}

}  // namespace

std::string DriverFixture::Network(const std::string& method, const std::string& body) {
  return Expected(Call("NetworkDriver." + method, body));
}
std::string DriverFixture::Ipam(const std::string& method, const std::string& body) {
  return Expected(Call("IpamDriver." + method, body));
}
std::string DriverFixture::NetworkError(const std::string& method, const std::string& body) {
  return ExpectedError(Call("NetworkDriver." + method, body));
}
std::string DriverFixture::IpamError(const std::string& method, const std::string& body) {
  return ExpectedError(Call("IpamDriver." + method, body));
}

std::string DriverFixture::EndpointBody(const std::string& address, const std::string& endpoint,
                                        const std::string& address_v6, const std::string& mac) {
  return fmt::format(
      R"({{"NetworkID":"{}","EndpointID":"{}","Interface":{{"Address":"{}","AddressIPv6":"{}","MacAddress":"{}"}},)"
      R"("Options":{{"com.docker.network.endpoint.exposedports":[{{"Proto":6,"Port":80}}],)"
      R"("com.docker.network.portmap":[]}}}})",
      kNetwork, endpoint, address.empty() ? "" : address + "/32",
      address_v6.empty() ? "" : address_v6 + "/128", mac);
}

std::string DriverFixture::JoinBody(const std::string& endpoint, const std::string& sandbox) {
  return fmt::format(R"({{"NetworkID":"{}","EndpointID":"{}","SandboxKey":"{}","Options":{{}}}})", kNetwork,
                     endpoint, sandbox);
}

std::string DriverFixture::IdsBody(const std::string& endpoint) {
  return fmt::format(R"({{"NetworkID":"{}","EndpointID":"{}"}})", kNetwork, endpoint);
}

std::string DriverFixture::TakeAddress(bool v6) {
  const std::string body =
      Ipam("RequestAddress", fmt::format(R"({{"PoolID":"{}","Address":"","Options":null}})",
                                         v6 ? "CalicoPoolIPv6" : "CalicoPoolIPv4"));
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("Address")) return "";
  const std::string cidr = json["Address"].get<std::string>();
  return cidr.substr(0, cidr.find('/'));
}

void DriverFixture::AddPool(const std::string& name, const std::string& cidr,
                            const std::function<void(model::IPPool&)>& change) {
  model::IPPool pool;
  pool.metadata.name = name;
  pool.cidr = cidr;
  pool.block_size = cidr.find(':') == std::string::npos ? 26 : 122;
  if (change) change(pool);
  const model::Key key = model::Key::Resource(model::Kind::kIPPool, name);
  ASSERT_TRUE(store_.Put(model::ToPath(key), model::EncodeValue(key, pool)).has_value());
}

void DriverFixture::NameNetwork(const std::string& id, const std::string& name) {
  ASSERT_TRUE(StoreNetworkName(store_, id, name).has_value());
}

std::vector<model::WorkloadEndpoint> DriverFixture::Endpoints() {
  const auto listed = ListEndpoints(store_, options.node_name);
  std::vector<model::WorkloadEndpoint> endpoints;
  EXPECT_TRUE(listed.has_value());
  if (!listed.has_value()) return endpoints;
  for (const auto& stored : *listed) endpoints.push_back(std::get<model::WorkloadEndpoint>(stored.object));
  return endpoints;
}

std::vector<std::string> DriverFixture::Profiles() {
  std::vector<std::string> names;
  const auto listed = store_.List(model::ListPrefix(model::Kind::kProfile));
  EXPECT_TRUE(listed.has_value());
  if (!listed.has_value()) return names;
  for (const auto& kv : listed->items) names.push_back(model::ParsePath(kv.key)->name);
  return names;
}

std::string DriverFixture::HandleOf(const std::string& ip) {
  const auto attribute = ipam::ReadAllocation(store_, clock_, net::Ip::Parse(ip).value());
  EXPECT_TRUE(attribute.has_value());
  return attribute.has_value() && attribute->has_value() ? ipam::HandleOf(**attribute) : "";
}

bool DriverFixture::HasInterface(const std::string& name) {
  const auto rtnetlink = kernel::OpenRtnetlink();
  return rtnetlink.has_value() && (*rtnetlink)->GetLink(name).has_value();
}

}  // namespace calico::libnetwork::testing
