// bfloat16: the upper half of a float32, two numbers side by side in a word. What is kept so takes
// half of the memory, and three decimal digits.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

namespace cangong {

// Of what a decoder keeps: its weights, and the keys and values of rows it has seen. Sums are
// float32 in both.
enum class FloatFormat { float32, bfloat16 };
constexpr const char* name_of(FloatFormat format) {
  return format == FloatFormat::bfloat16 ? "bfloat16" : "float32";
}

// Nearest, ties to even. NaN is not kept.
constexpr std::uint32_t half_of(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}
// The first in the lower half.
constexpr std::uint32_t halves_of(float first, float second) {
  return half_of(first) | half_of(second) << 16;
}

}  // namespace cangong
