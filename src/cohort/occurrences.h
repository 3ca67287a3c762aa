// Where in one record each predicate holds: sparse, sorted, and counted in any interval.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "base/time.h"

namespace cangong {

// Moments are the record's distinct times, in order; predicates hold at some of them.
class Occurrences {
 public:
  void clear() {
    moments_.clear();
    counts_.clear();
  }
  // Rows come in the order of time: adds `count` rows at moment number `moment`.
  void add(std::uint32_t moment, std::int64_t count) {
    if (!moments_.empty() && moments_.back() == moment) {
      counts_.back() += count;
      return;
    }
    moments_.push_back(moment);
    counts_.push_back(total() + count);
  }
  std::int64_t total() const { return counts_.empty() ? 0 : counts_.back(); }
  // Rows at moments in [from, to).
  std::int64_t count(std::uint32_t from, std::uint32_t to) const {
    return from < to ? before(to) - before(from) : 0;
  }
  std::span<const std::uint32_t> moments() const { return moments_; }
  // Rows at the i-th of moments().
  std::int64_t count_at(std::size_t i) const { return counts_[i] - (i ? counts_[i - 1] : 0); }

 private:
  std::int64_t before(std::uint32_t moment) const {
    const auto at = std::lower_bound(moments_.begin(), moments_.end(), moment) - moments_.begin();
    return at ? counts_[static_cast<std::size_t>(at - 1)] : 0;
  }
  std::vector<std::uint32_t> moments_;
  std::vector<std::int64_t> counts_;  // running sums
};

}  // namespace cangong
