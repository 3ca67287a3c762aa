// Columns cut into quantile bins once, so that a tree looks for splits in counts, not in values.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/matrix.h"

namespace cangong {

class Binned {
 public:
  static constexpr std::size_t kMost = 255;  // bins of values; bin 0 is "missing"

  explicit Binned(const Matrix& x);

  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return cuts_.size(); }
  // 0 where the value is missing, else 1 + the number of cuts below it.
  std::span<const std::uint8_t> column(std::size_t j) const {
    return std::span(bins_).subspan(j * rows_, rows_);
  }
  // Values of bin b and of those before it are at most cuts(j)[b - 1]; the last bin has no cut.
  std::span<const float> cuts(std::size_t j) const { return cuts_[j]; }

 private:
  std::size_t rows_ = 0;
  std::vector<std::uint8_t> bins_;        // column by column
  std::vector<std::vector<float>> cuts_;  // halfway between values that were seen
};

}  // namespace cangong
