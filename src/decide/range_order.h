// Order statistics of any stretch of a row of numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cangong {

// A wavelet matrix over the ranks of the numbers (Claude and Navarro 2012): the k-th smallest of a
// stretch in as many steps as the count has binary digits; memory grows as n log n.
class RangeOrder {
 public:
  explicit RangeOrder(const std::vector<double>& numbers);
  // Of numbers [from, to) the k-th smallest, k from 0; from < to, k < to - from.
  double kth(std::size_t from, std::size_t to, std::size_t k) const;

 private:
  std::vector<double> sorted_;
  std::vector<std::vector<std::uint32_t>> zeros_;  // by binary digit, highest first: zeros before i
};

}  // namespace cangong
