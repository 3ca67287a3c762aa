// Memory for kernels.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "kernel/kernels.h"

namespace cangong {

// Zeros to begin with, at an address that suits vectors, with the slack behind them.
class Floats {
 public:
  Floats() = default;
  explicit Floats(std::size_t count) { resize(count); }
  // Keeps the numbers of what was there before; new ones are 0.
  void resize(std::size_t count);
  void clear() { std::fill_n(data(), size_, 0.0f); }
  std::size_t size() const { return size_; }
  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }
  float& operator[](std::size_t i) { return data_.get()[i]; }
  float operator[](std::size_t i) const { return data_.get()[i]; }

 private:
  struct Free {
    void operator()(float* p) const { std::free(p); }
  };
  std::unique_ptr<float, Free> data_;
  std::size_t size_ = 0, room_ = 0;
};

// Floats from row to row of a matrix whose rows begin at addresses that suit vectors.
constexpr std::size_t row_stride(std::size_t columns) {
  return (columns + 15) / 16 * 16;
}

}  // namespace cangong
