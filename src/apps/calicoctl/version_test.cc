// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/calicoctl/command_line.h"
#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/testing/command_fixture.h"

namespace calico::calicoctl {
namespace {

using ::testing::HasSubstr;

const std::string kClient =
    "Client Version:    " CALICO_VERSION "\nGit commit:        " CALICO_GIT_COMMIT "\n";

// Says only whose store it is.
class OldClient final : public datastore::Client {
 public:
  Result<datastore::KeyValue> Get(const std::string&) override { return None(); }
  Result<datastore::ListResult> List(const std::string&) override { return None(); }
  Result<datastore::Revision> Create(const std::string&, const std::string&) override { return None(); }
  Result<datastore::Revision> Update(const std::string&, const std::string&, datastore::Revision) override {
    return None();
  }
  Result<datastore::Revision> Put(const std::string&, const std::string&) override { return None(); }
  Status Delete(const std::string&, datastore::Revision) override { return None(); }
  std::unique_ptr<datastore::Watch> StartWatch(const std::string&, datastore::Revision,
                                               datastore::WatchCallbacks) override {
    return nullptr;
  }
  std::unique_ptr<datastore::Client> WithDeadline(TimePoint) override { return nullptr; }
  datastore::Dialect dialect() const override { return datastore::Dialect::kCalico26; }
  const std::string& name() const override { return name_; }

 private:
  static Error None() { return Error(ErrorCode::kNotFound, "none"); }
  const std::string name_ = "etcd of 2.6";
};

class VersionCommand : public testing::CommandTest {
 protected:
  testing::Ran RunWith(const std::vector<std::string>& words, std::function<Result<OpenedStore>()> store) {
    std::istringstream in;
    std::ostringstream out, err;
    const auto open = [&](const std::string&) { return store(); };
    const int code = RunCommand(words, {environment_, clock_, in, out, err, open});
    return {code, out.str(), err.str()};
  }
  void Store(const std::string& version) {
    datastore::Resources resources(client_, clock_);
    model::ClusterInformation information;
    information.metadata.name = "default";
    information.calico_version = version;
    information.cluster_type = "k8s,bgp";
    const auto stored = resources.Get(model::Key::Resource(model::Kind::kClusterInformation, "default"));
    if (stored.has_value()) {
      ASSERT_TRUE(
          resources.Delete(model::Key::Resource(model::Kind::kClusterInformation, "default")).has_value());
    }
    ASSERT_TRUE(resources.Create(information).has_value());
  }
};

TEST_F(VersionCommand, OfAnEmptyStoreIsUnknown) {
  EXPECT_EQ(Run({"version"}), testing::Printed(kClient +
                                               "Cluster Version:   unknown\n"
                                               "Cluster Type:      unknown\n"
                                               "Datastore:         " +
                                               client_.name() + " (a test)\n"));
}

TEST_F(VersionCommand, OfTheClientNeedsNoStore) {
  EXPECT_EQ(RunWith({"version", "--client"}, [] { return Error(ErrorCode::kUnavailable, "away"); }),
            testing::Printed(kClient));
}

TEST_F(VersionCommand, OfTheClientIsShownBeforeTheStoresError) {
  const testing::Ran ran = RunWith({"version"}, [] { return Error(ErrorCode::kUnavailable, "away"); });
  EXPECT_EQ(ran, (testing::Ran{1, kClient, "away\n"}));
}

TEST_F(VersionCommand, HasTheBuildDateOn26) {
  const testing::Ran ran = RunWith({"version"}, []() -> Result<OpenedStore> {
    return OpenedStore{"a test", std::make_unique<OldClient>()};
  });
  EXPECT_THAT(ran.out, HasSubstr("Client Version:    " CALICO_VERSION
                                 "\nBuild date:        " CALICO_BUILD_DATE "\nGit commit:        "));
}

TEST_F(VersionCommand, IsPolledAtAPeriodOnly) {
  for (const char* bad : {"0s", "-1s", "soon", "10"}) {
    EXPECT_EQ(Run({"version", "--poll", bad}),
              testing::Refused(std::string("invalid poll duration specified: ") + bad + "\n"));
  }
}

TEST_F(VersionCommand, IsPrintedAgainWhenItChanges) {
  Store("v3.32.0");
  std::istringstream in;
  std::ostringstream out, err;
  const auto open = [](const std::string&) -> Result<OpenedStore> {
    return Error(ErrorCode::kNotFound, "none");
  };
  const Surroundings surroundings{environment_, clock_, in, out, err, open};
  const Arguments arguments = *ParseCommandLine({"version"}, AllCommands()).arguments;
  const OpenedStore store{"a test", client_.WithDeadline(TimePoint::max())};
  int round = 0;
  EXPECT_EQ(PollClusterVersion({arguments, surroundings}, store, std::chrono::seconds(7),
                               [&](Duration period) {
                                 EXPECT_EQ(period, std::chrono::seconds(7));
                                 if (++round == 2) Store("v3.32.1");
                                 return round < 4;
                               }),
            0);
  const std::string rest = "Cluster Type:      k8s,bgp\nDatastore:         " + client_.name() + " (a test)\n";
  EXPECT_EQ(out.str(), "Cluster Version:   v3.32.0\n" + rest + "Cluster Version:   v3.32.1\n" + rest);
  EXPECT_EQ(err.str(), "");
}

}  // namespace
}  // namespace calico::calicoctl
