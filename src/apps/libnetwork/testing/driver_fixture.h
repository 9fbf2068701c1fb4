// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "apps/libnetwork/driver.h"
#include "datastore/testing/fake_client.h"
#include "ipam/testing/faulty_client.h"
#include "kernel/rtnetlink.h"
#include "model/update.h"

namespace calico::libnetwork::testing {

inline const std::string kNetwork(64, 'a');  // a network's ID
inline const std::string kOtherNetwork(64, 'b');
inline const std::string kEndpoint = "369515cb37e" + std::string(53, '1');
inline const std::string kSecondEndpoint = "77777777777" + std::string(53, '2');

// A driver on a fake store that can be made to fail, in a network namespace of the test's own. Docker's API
// is not there unless the test starts one.
class DriverFixture : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // The answer's body; the call must succeed.
  std::string Network(const std::string& method, const std::string& body);
  std::string Ipam(const std::string& method, const std::string& body);
  // The text of "Err"; the call must fail with status 500.
  std::string NetworkError(const std::string& method, const std::string& body);
  std::string IpamError(const std::string& method, const std::string& body);
  HttpResponse Call(const std::string& method, const std::string& body);

  // The bodies that dockerd 20.10 sends (reference docker-and-cni A2).
  static std::string EndpointBody(const std::string& address, const std::string& endpoint = kEndpoint,
                                  const std::string& address_v6 = "", const std::string& mac = "");
  static std::string JoinBody(const std::string& endpoint = kEndpoint,
                              const std::string& sandbox = "/var/run/docker/netns/5b6abe2037e8");
  static std::string IdsBody(const std::string& endpoint = kEndpoint);
  // RequestAddress from all pools, without the prefix length.
  std::string TakeAddress(bool v6 = false);

  void AddPool(const std::string& name, const std::string& cidr,
               const std::function<void(model::IPPool&)>& change = {});
  void NameNetwork(const std::string& id, const std::string& name);
  std::vector<model::WorkloadEndpoint> Endpoints();
  std::vector<std::string> Profiles();
  std::string HandleOf(const std::string& ip);  // "" when not allocated
  bool HasInterface(const std::string& name);

  datastore::Client& store() { return store_; }
  ipam::testing::FaultyClient& faulty() { return faulty_; }
  const Clock& clock() const { return clock_; }
  const std::string& directory() const { return directory_; }

  Options options;
  std::unique_ptr<Driver> driver;
  std::vector<std::string> waited_for;  // interfaces of wait_programmed

 private:
  datastore::testing::FakeClient store_;
  ipam::testing::FaultyClient faulty_{store_};
  SystemClock clock_;
  std::string directory_;
};

}  // namespace calico::libnetwork::testing
