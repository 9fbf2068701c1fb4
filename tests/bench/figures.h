// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace calico::bench {

using Samples = std::vector<double>;  // microseconds

template <typename Function>
double Microseconds(Function function) {
  const auto begin = std::chrono::steady_clock::now();
  function();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
}

inline double Percentile(Samples samples, double share) {
  std::sort(samples.begin(), samples.end());
  return samples[static_cast<std::size_t>(share * static_cast<double>(samples.size() - 1))];
}

// One line: ours, the floor measured in turn with it, and their ratio.
inline void PrintPair(const std::string& what, const Samples& ours, const Samples& floor,
                      const std::string& floor_is) {
  const double a = Percentile(ours, 0.5);
  const double b = Percentile(floor, 0.5);
  std::printf("%-44s median %9.0f us  p99 %9.0f us | floor median %9.0f us | x%.2f | %zu runs | floor: %s\n",
              what.c_str(), a, Percentile(ours, 0.99), b, a / b, ours.size(), floor_is.c_str());
  std::fflush(stdout);
}

}  // namespace calico::bench
