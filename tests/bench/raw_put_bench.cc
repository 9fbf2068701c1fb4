// SPDX-License-Identifier: Apache-2.0
// The floor of a bulk apply: puts, without any condition, the values that stand under one prefix of an etcd
// under another one, with as many requests in flight as serve the store best. Prints the seconds of the
// fastest.
//
//   raw_put_bench FROM_PREFIX TO_PREFIX      (store from the environment, as for calicoctl)

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/environment.h"
#include "base/log.h"
#include "datastore/choice.h"
#include "tests/bench/figures.h"

namespace calico {
namespace {

double PutAll(datastore::Client& client, const std::vector<datastore::KeyValue>& items,
              const std::string& from, const std::string& to, std::size_t in_flight) {
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  const double microseconds = bench::Microseconds([&] {
    std::vector<std::thread> senders;
    for (std::size_t i = 0; i < in_flight; ++i) {
      senders.emplace_back([&] {
        for (std::size_t at = next++; at < items.size(); at = next++) {
          const std::string key = to + items[at].key.substr(from.size());
          if (!client.Put(key, items[at].value).has_value()) failed = true;
        }
      });
    }
    for (std::thread& sender : senders) sender.join();
  });
  if (failed) {
    fmt::print(stderr, "a put failed\n");
    std::exit(1);
  }
  return microseconds / 1e6;
}

int Run(const std::string& from, const std::string& to) {
  InitLogging(LogLevel::kError, "raw_put_bench");
  const auto choice = datastore::ChooseStore(Environment::OfProcess(), "", datastore::Program::kCalicoctl);
  if (!choice.has_value()) {
    fmt::print(stderr, "{}\n", choice.error().message());
    return 1;
  }
  const auto client = datastore::OpenStore(*choice);
  if (!client.has_value()) {
    fmt::print(stderr, "{}\n", client.error().message());
    return 1;
  }
  const auto listed = (*client)->List(from);
  if (!listed.has_value() || listed->items.empty()) {
    fmt::print(stderr, "nothing stands under {}\n", from);
    return 1;
  }
  double best = 1e9;
  for (const std::size_t in_flight : {8U, 16U, 32U, 64U}) {
    best = std::min(best,
                    PutAll(**client, listed->items, from, to + std::to_string(in_flight) + "/", in_flight));
  }
  fmt::print("{:.3f} {}\n", best, listed->items.size());
  return 0;
}

}  // namespace
}  // namespace calico

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: raw_put_bench FROM_PREFIX TO_PREFIX\n");
    return 1;
  }
  return calico::Run(argv[1], argv[2]);
}
