// Memory for kernels.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "kernel/kernels.h"

namespace cangong {

// Zeros to begin with, at an address that suits vectors, with the slack behind them.
template <class Number>
class Aligned {
 public:
  Aligned() = default;
  explicit Aligned(std::size_t count) { resize(count); }
  // Keeps the numbers of what was there before; new ones are 0.
  void resize(std::size_t count);
  void clear() { std::fill_n(data(), size_, Number{}); }
  std::size_t size() const { return size_; }
  Number* data() { return data_.get(); }
  const Number* data() const { return data_.get(); }
  Number& operator[](std::size_t i) { return data_.get()[i]; }
  Number operator[](std::size_t i) const { return data_.get()[i]; }

 private:
  struct Free {
    void operator()(Number* p) const { std::free(p); }
  };
  std::unique_ptr<Number, Free> data_;
  std::size_t size_ = 0, room_ = 0;
};
using Floats = Aligned<float>;
using PackedWords = Aligned<std::uint32_t>;  // of floats, or of pairs in bfloat16

// Floats from row to row of a matrix whose rows begin at addresses that suit vectors.
constexpr std::size_t row_stride(std::size_t columns) {
  return (columns + 15) / 16 * 16;
}

}  // namespace cangong
