// Work spread over threads, so that the result does not depend on how many there are.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace cangong {

// Threads to use when nobody said: the machine's, at least one.
inline std::size_t default_threads() {
  return std::max<std::size_t>(std::thread::hardware_concurrency(), 1);
}

// Calls work(i) for i in [0, count). The first exception thrown is thrown again here.
template <class Work>
void parallel_for(std::size_t count, std::size_t threads, const Work& work) {
  if (threads <= 1 || count <= 1) {
    for (std::size_t i = 0; i < count; ++i) work(i);
    return;
  }
  std::atomic<std::size_t> next{0};
  std::exception_ptr first;
  std::mutex guard;
  const auto run = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        work(i);
      } catch (...) {
        const std::lock_guard lock(guard);
        if (!first) first = std::current_exception();
        next = count;
      }
    }
  };
  std::vector<std::jthread> pool;
  for (std::size_t t = 0; t < std::min(threads, count); ++t) pool.emplace_back(run);
  pool.clear();
  if (first) std::rethrow_exception(first);
}

}  // namespace cangong
