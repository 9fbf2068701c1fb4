// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/codec/json.h"
#include "model/validate/validate.h"

namespace calico::model {
namespace {

using ::testing::HasSubstr;

DockerNetwork Sound() {
  DockerNetwork network;
  network.metadata.name = "Net_1.x-y";
  network.driver = "calico";
  network.options = {{"a", "b"}};
  network.ipam_driver = "calico-ipam";
  network.subnets = {"10.254.0.0/24", "fd80::/64"};
  network.ipv6 = true;
  network.labels = {{"team", "blue & green"}};
  network.created_by = "calico-node1";
  network.generation = 3;
  return network;
}
std::string Refusal(const DockerNetwork& network) {
  const Status status = Validate(network);
  return status.has_value() ? "" : status.error().message();
}

TEST(DockerNetwork, TakesTheNamesThatDockerTakes) {
  EXPECT_EQ(Refusal(Sound()), "");
  for (const char* name : {"_net", "-net", ".net", "net 1", "net/1", "nét"}) {
    DockerNetwork network = Sound();
    network.metadata.name = name;
    EXPECT_THAT(Refusal(network), HasSubstr("Metadata.Name")) << name;
  }
}

TEST(DockerNetwork, NeedsADriverAGenerationAndSoundSubnets) {
  DockerNetwork network = Sound();
  network.driver.clear();
  network.generation = 0;
  network.subnets = {"10.254.0.1/24"};
  const std::string refusal = Refusal(network);
  EXPECT_THAT(refusal, HasSubstr("Driver"));
  EXPECT_THAT(refusal, HasSubstr("Generation"));
  EXPECT_THAT(refusal, HasSubstr("Subnets[0] = '10.254.0.1/24'"));
}

TEST(DockerNetwork, IsStoredAndReadBackWithWhatOthersAdded) {
  const Key key = Key::Resource(Kind::kDockerNetwork, "Net_1.x-y");
  const std::string stored = EncodeValue(key, Sound());
  EXPECT_EQ(stored,
            R"({"kind":"DockerNetwork","apiVersion":"projectcalico.org/v3","metadata":{"name":"Net_1.x-y",)"
            R"("creationTimestamp":null},"spec":{"driver":"calico","options":{"a":"b"},)"
            R"("ipamDriver":"calico-ipam","subnets":["10.254.0.0/24","fd80::/64"],"ipv6":true,)"
            R"("labels":{"team":"blue \u0026 green"},"createdBy":"calico-node1","generation":3}})");
  EXPECT_EQ(DecodeValue(key, stored).value(), Object(Sound()));
  std::string richer = stored;
  richer.insert(richer.find("\"driver\""), "\"later\":{\"x\":1},");
  const Object read = DecodeValue(key, richer).value();
  EXPECT_EQ(std::get<DockerNetwork>(read).unknown.count("/spec/later"), 1u);
  EXPECT_THAT(EncodeValue(key, read), HasSubstr(R"("later":{"x":1})"));
}

TEST(DockerNetwork, OfOneHostIsStoredAndReadBack) {
  const Key key{Kind::kDockerNetworkHost, "calico-node2", "net1"};
  DockerNetworkHost host;
  host.host = "calico-node2";
  host.id = "0123";
  host.generation = 3;
  host.engine = "beef";
  host.state = "Ready";
  const std::string stored = EncodeValue(key, host);
  EXPECT_EQ(stored, R"({"host":"calico-node2","id":"0123","generation":3,"engine":"beef","state":"Ready"})");
  EXPECT_EQ(DecodeValue(key, stored).value(), Object(host));
}

}  // namespace
}  // namespace calico::model
