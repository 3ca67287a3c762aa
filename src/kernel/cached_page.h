// How sixteen rows of keys, or of values, stand together: each number's side by side, so that a
// head's share of them is one piece.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "kernel/half.h"

namespace cangong {

inline constexpr std::size_t kPageRows = 16;

constexpr std::size_t page_words(FloatFormat kept, std::size_t width) {
  return kept == FloatFormat::bfloat16 ? width * kPageRows / 2 : width * kPageRows;
}

// The key of a row of the page. In bfloat16 a word has two numbers, k and k + 1, of a row.
constexpr void write_key(FloatFormat kept, std::size_t width, std::size_t row, const float* key,
                         std::uint32_t* page) {
  if (kept == FloatFormat::bfloat16)
    for (std::size_t k = 0; k < width; k += 2)
      page[k / 2 * kPageRows + row] = halves_of(key[k], key[k + 1]);
  else
    for (std::size_t k = 0; k < width; ++k)
      page[k * kPageRows + row] = std::bit_cast<std::uint32_t>(key[k]);
}

// The value of a row of the page. In bfloat16 a word has the number k of two rows, so that their
// shares are multiplied and added at once; eight words have all rows.
constexpr void write_value(FloatFormat kept, std::size_t width, std::size_t row, const float* value,
                           std::uint32_t* page) {
  if (kept == FloatFormat::bfloat16)
    for (std::size_t k = 0; k < width; ++k) {
      std::uint32_t& word = page[k * kPageRows / 2 + row / 2];
      const std::uint32_t half = half_of(value[k]);
      word = row % 2 ? (word & 0xffffu) | half << 16 : (word & 0xffff0000u) | half;
    }
  else
    for (std::size_t k = 0; k < width; ++k)
      page[k * kPageRows + row] = std::bit_cast<std::uint32_t>(value[k]);
}

}  // namespace cangong
