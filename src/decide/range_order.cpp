#include "decide/range_order.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace cangong {

RangeOrder::RangeOrder(const std::vector<double>& numbers) : sorted_(numbers) {
  const std::size_t n = numbers.size();
  std::vector<std::uint32_t> order(n), rank(n), next(n);
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return numbers[a] < numbers[b]; });
  for (std::size_t r = 0; r < n; ++r) {
    rank[order[r]] = static_cast<std::uint32_t>(r);
    sorted_[r] = numbers[order[r]];
  }
  const int digits = static_cast<int>(std::bit_width(n ? n - 1 : 0));
  for (int digit = digits; digit-- > 0;) {
    auto& zeros = zeros_.emplace_back(n + 1);
    for (std::size_t i = 0; i < n; ++i) zeros[i + 1] = zeros[i] + ((rank[i] >> digit & 1) == 0);
    std::size_t low = 0, high = zeros[n];
    for (const std::uint32_t r : rank) next[(r >> digit & 1) == 0 ? low++ : high++] = r;
    rank.swap(next);
  }
}

double RangeOrder::kth(std::size_t from, std::size_t to, std::size_t k) const {
  std::size_t rank = 0;
  for (const auto& zeros : zeros_) {
    const std::size_t a = zeros[from], b = zeros[to], first_one = zeros.back();
    rank *= 2;
    if (k < b - a) {
      from = a, to = b;
    } else {
      k -= b - a;
      from = first_one + from - a, to = first_one + to - b;
      ++rank;
    }
  }
  return sorted_[rank];
}

}  // namespace cangong
