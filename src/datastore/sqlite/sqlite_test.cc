// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "datastore/sqlite/sqlite_client.h"
#include "datastore/testing/client_contract.h"
#include "datastore/testing/event_log.h"
#include "datastore/testing/fake_client.h"

namespace calico::datastore {
namespace {

using testing::ClientContract;
using testing::StoreFactory;
using testing::StoreUnderTest;

class FakeUnderTest final : public StoreUnderTest {
 public:
  Client& client() override { return client_; }
  std::unique_ptr<Client> OpenAnother() override { return client_.WithDeadline(TimePoint::max()); }
  void Compact() override { client_.Compact(); }

 private:
  testing::FakeClient client_;
};

class Directory {
 public:
  Directory() {
    char pattern[] = "/tmp/calico-sqlite-XXXXXX";
    path_ = mkdtemp(pattern);
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::unique_ptr<Client> Open(const std::string& path, bool create = true) {
  SqliteOptions options;
  options.path = path;
  options.create = create;
  auto client = OpenSqlite(options);
  if (!client.has_value()) ADD_FAILURE() << client.error().message();
  return client.has_value() ? std::move(*client) : nullptr;
}

class SqliteUnderTest final : public StoreUnderTest {
 public:
  Client& client() override { return *client_; }
  std::unique_ptr<Client> OpenAnother() override { return Open(path_); }
  // Old events go as new ones come.
  void Compact() override {
    for (int i = 0; i < 12'001; ++i) static_cast<void>(client_->Put("/calico/other", "x"));
  }

 private:
  const Directory directory_;
  const std::string path_ = directory_.path() + "/calico.db";
  const std::unique_ptr<Client> client_ = Open(path_);
};

INSTANTIATE_TEST_SUITE_P(Fake, ClientContract,
                         ::testing::Values(StoreFactory{"fake",
                                                        [] { return std::make_unique<FakeUnderTest>(); }}));
INSTANTIATE_TEST_SUITE_P(Sqlite, ClientContract,
                         ::testing::Values(StoreFactory{"sqlite",
                                                        [] { return std::make_unique<SqliteUnderTest>(); }}));

TEST(Sqlite, DoesNotCreateAFileUnlessAsked) {
  const Directory directory;
  SqliteOptions options;
  options.path = directory.path() + "/none.db";
  const auto client = OpenSqlite(options);
  ASSERT_FALSE(client.has_value());
  EXPECT_EQ(client.error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(PathExists(options.path));
}

TEST(Sqlite, OnlyItsOwnerMayReadTheFile) {
  const Directory directory;
  const auto client = Open(directory.path() + "/deep/calico.db");
  struct stat facts {};
  ASSERT_EQ(::stat((directory.path() + "/deep/calico.db").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
}

TEST(Sqlite, NamesTheFileWhenItIsNoDatabase) {
  const Directory directory;
  const std::string path = directory.path() + "/calico.db";
  ASSERT_TRUE(WriteFileAtomically(path, std::string(4096, 'x')).has_value());
  SqliteOptions options;
  options.path = path;
  const auto client = OpenSqlite(options);
  ASSERT_FALSE(client.has_value());
  EXPECT_NE(client.error().message().find(path), std::string::npos);
}

TEST(Sqlite, ManyMayMakeTheFileAtOnce) {
  for (int round = 0; round < 10; ++round) {
    const Directory directory;
    std::vector<std::thread> openers;
    for (int i = 0; i < 8; ++i) {
      openers.emplace_back([&, i] {
        const auto client = Open(directory.path() + "/calico.db");
        EXPECT_TRUE(client != nullptr && client->Create("/calico/" + std::to_string(i), "x").has_value());
      });
    }
    for (std::thread& opener : openers) opener.join();
  }
}

TEST(Sqlite, KeepsEverythingOverAReopen) {
  const Directory directory;
  const std::string path = directory.path() + "/calico.db";
  const Revision revision = *Open(path)->Create("/calico/a", "one");
  EXPECT_EQ(*Open(path, false)->Get("/calico/a"), (KeyValue{"/calico/a", "one", revision}));
}

}  // namespace
}  // namespace calico::datastore
