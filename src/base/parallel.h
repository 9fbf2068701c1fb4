// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>

namespace calico {

// Calls `work(i, worker)` once for each i below `count`, on up to `workers` threads that start with the
// lowest numbers, and returns when all calls have returned. `worker`, below `workers`, tells the threads
// apart. Meanwhile `progress(done)`, if given, is called on the caller's thread: about ten times a second and
// once at the end. One worker: no thread, strictly in order.
void ParallelFor(std::size_t count, std::size_t workers,
                 const std::function<void(std::size_t i, std::size_t worker)>& work,
                 const std::function<void(std::size_t done)>& progress = {});

// Of this process, at least 1.
std::size_t CpuCount();

}  // namespace calico
