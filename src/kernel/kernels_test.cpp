// Every table of kernels against sums written out, at sizes that fill no vector evenly.
#include "kernel/kernels.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/random.h"
#include "kernel/cached_page.h"
#include "kernel/floats.h"

namespace cangong {
namespace {

class KernelTables : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    table_ = kernels_named(GetParam());
    if (!table_) GTEST_SKIP() << "this processor does not know " << GetParam();
  }
  static Floats random(std::size_t count, std::uint64_t seed) {
    Random numbers(seed);
    Floats all(count);
    for (std::size_t i = 0; i < count; ++i) all[i] = static_cast<float>(numbers.normal());
    return all;
  }
  const Kernels* table_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(All, KernelTables,
                         testing::Values("avx2", "avx512", "avx512-bf16", "amx"));

TEST_P(KernelTables, ProductsOfAnyShape) {
  for (const auto& [rows, columns, inner] :
       {std::array<std::size_t, 3>{1, 1, 1}, {13, 33, 7}, {12, 32, 600}, {5, 120, 513}}) {
    const Floats a = random(rows * inner, 1), b = random(inner * columns, 2);
    for (const auto into : {MatrixProduct::Into::set, MatrixProduct::Into::add}) {
      Floats c(rows * columns + 1);
      for (std::size_t i = 0; i < c.size(); ++i) c[i] = 7;
      table_->multiply({a.data(), inner, 1, b.data(), columns, table_->panel, c.data(), columns,
                        rows, columns, inner, into});
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < columns; ++j) {
          double wanted = into == MatrixProduct::Into::add ? 7 : 0;
          for (std::size_t k = 0; k < inner; ++k)
            wanted += double{a[i * inner + k]} * b[k * columns + j];
          ASSERT_NEAR(c[i * columns + j], wanted, 1e-4) << rows << " " << i << " " << j;
        }
      EXPECT_EQ(c[rows * columns], 7) << "behind the end";
    }
  }
}

// Against the products of rounded numbers: those of two halves are exact in a float.
TEST_P(KernelTables, ProductsWithHalvesOfAnyShape) {
  const auto kept = [](float x) { return std::bit_cast<float>(half_of(x) << 16); };
  for (const auto& [rows, columns, inner] : {std::array<std::size_t, 3>{1, 1, 1},
                                             {13, 33, 7},
                                             {16, 32, 120},
                                             {37, 48, 33},
                                             {120, 17, 480}}) {
    const std::size_t row = whole_sixteens(columns);
    const Floats a = random(rows * inner, 1), w = random(columns * inner, 2);
    PackedWords b(whole_sixteens(columns) / 16 * half_panel(inner));
    for (std::size_t j = 0; j < columns; ++j)
      for (std::size_t k = 0; k < inner; k += 2)
        b[j / 16 * half_panel(inner) + k / 2 * 16 + j % 16] =
            halves_of(w[j * inner + k], k + 1 < inner ? w[j * inner + k + 1] : 0);
    Floats scratch(half_scratch(rows, inner));
    for (const auto into : {MatrixProduct::Into::set, MatrixProduct::Into::add}) {
      Floats c((rows + 1) * row);
      for (std::size_t i = 0; i < c.size(); ++i) c[i] = 7;
      table_->multiply_halves(
          {a.data(), inner, b.data(), c.data(), row, rows, columns, inner, into, scratch.data()});
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < columns; ++j) {
          double wanted = into == MatrixProduct::Into::add ? 7 : 0;
          for (std::size_t k = 0; k < inner; ++k)
            wanted += double{kept(a[i * inner + k])} * kept(w[j * inner + k]);
          ASSERT_NEAR(c[i * row + j], wanted, 1e-4) << rows << " " << i << " " << j;
        }
      for (std::size_t j = 0; j < row; ++j) ASSERT_EQ(c[rows * row + j], 7) << "behind the end";
      for (std::size_t i = 0; i < rows; ++i) {  // the same sums, whichever rows are taken together
        Floats alone(row);
        for (std::size_t j = 0; j < row; ++j) alone[j] = 7;
        table_->multiply_halves({a.data() + i * inner, inner, b.data(), alone.data(), row, 1,
                                 columns, inner, into, scratch.data()});
        for (std::size_t j = 0; j < columns; ++j) ASSERT_EQ(alone[j], c[i * row + j]) << i;
      }
    }
  }
}

TEST_P(KernelTables, TurnedProducts) {
  constexpr std::size_t kRows = 300, kLeft = 25, kRight = 41;
  const Floats x = random(kRows * kLeft, 1), y = random(kRows * kRight, 2);
  Floats c(kLeft * kRight), scratch(turned_scratch(kLeft, kRight));
  for (std::size_t i = 0; i < c.size(); ++i) c[i] = 3;
  table_->multiply_turned(
      {x.data(), kLeft, kLeft, y.data(), kRight, kRight, c.data(), kRight, kRows, scratch.data()});
  for (std::size_t i = 0; i < kLeft; ++i)
    for (std::size_t j = 0; j < kRight; ++j) {
      double wanted = 3;
      for (std::size_t row = 0; row < kRows; ++row)
        wanted += double{x[row * kLeft + i]} * y[row * kRight + j];
      ASSERT_NEAR(c[i * kRight + j], wanted, 1e-4);
    }
}

TEST_P(KernelTables, NormalisedRowsAndTheWayBack) {
  constexpr std::size_t kRows = 3, kWidth = 21, kStride = 32;
  const Floats x = random(kRows * kStride, 3), scale = random(kWidth, 4),
               d = random(kRows * kStride, 5);
  const Norm norm{x.data(), scale.data(), kRows, kWidth, kStride};
  Floats out(kRows * kStride), stats(2 * kRows), d_x(kRows * kStride), d_scale(kWidth);
  table_->normalise(norm, out.data(), stats.data());
  table_->normalise_back(norm, stats.data(), d.data(), d_x.data(), d_scale.data());
  const auto told = [&](const Floats& at) {  // what d sums up
    Floats own(kRows * kStride);
    table_->normalise({at.data(), scale.data(), kRows, kWidth, kStride}, own.data(), nullptr);
    double total = 0;
    for (std::size_t row = 0; row < kRows; ++row)
      for (std::size_t k = 0; k < kWidth; ++k)
        total += double{own[row * kStride + k]} * d[row * kStride + k];
    return total;
  };
  for (std::size_t row = 0; row < kRows; ++row) {
    double mean = 0, square = 0;
    for (std::size_t k = 0; k < kWidth; ++k) mean += x[row * kStride + k] / double{kWidth};
    for (std::size_t k = 0; k < kWidth; ++k)
      square += std::pow(x[row * kStride + k] - mean, 2) / double{kWidth};
    for (std::size_t k = 0; k < kWidth; ++k)
      ASSERT_NEAR(out[row * kStride + k],
                  (x[row * kStride + k] - mean) / std::sqrt(square + 1e-5) * scale[k], 1e-5);
    for (const std::size_t k : {std::size_t{0}, kWidth - 1}) {
      constexpr float kBy = 1e-2f;
      Floats more = random(kRows * kStride, 3), less = random(kRows * kStride, 3);
      more[row * kStride + k] += kBy, less[row * kStride + k] -= kBy;
      EXPECT_NEAR(d_x[row * kStride + k], (told(more) - told(less)) / (2 * kBy), 2e-3);
    }
  }
}

TEST_P(KernelTables, SharesAndTheirSum) {
  for (const std::size_t count : {std::size_t{1}, std::size_t{15}, std::size_t{1270}}) {
    Floats x = random(count, 6);
    for (std::size_t i = 0; i < count; ++i) x[i] *= 20;
    double largest = -1e300, sum = 0;
    for (std::size_t i = 0; i < count; ++i) largest = std::max<double>(largest, x[i]);
    for (std::size_t i = 0; i < count; ++i) sum += std::exp(x[i] - largest);
    const Floats before = [&] {
      Floats copy(count);
      std::copy_n(x.data(), count, copy.data());
      return copy;
    }();
    EXPECT_NEAR(table_->softmax(x.data(), count), largest + std::log(sum),
                1e-5 * std::abs(largest));
    for (std::size_t i = 0; i < count; ++i)
      ASSERT_NEAR(x[i], std::exp(before[i] - largest) / sum, 1e-6);
  }
}

// Heads of one number and of many, of even and odd widths; beginnings that nobody shares, that fill
// pages evenly, and that are longer than what is taken at once. Pages were used before.
TEST_P(KernelTables, CachedAttentionIsAttention) {
  using Sizes = std::pair<std::size_t, std::size_t>;
  for (const auto& [width, heads] : {Sizes{20, 2}, {24, 1}, {21, 3}, {3, 3}, {36, 2}, {32, 2}})
    for (const auto& [rows, shared] :
         {Sizes{37, 19}, {37, 0}, {25, 16}, {29, 14}, {300, 280}, {300, 3}, {17, 16}, {1, 0}}) {
      const Floats qkv = random(rows * 3 * width, 7);
      std::vector<std::uint32_t> until;
      for (std::uint32_t i = 0; i < rows; ++i) until.push_back(i + 1);
      if (rows > 4) until[4] = 0;
      Floats scratch(attention_scratch(rows, width / heads)), out(rows * width);
      table_->attend(
          {qkv.data(), rows, width, heads, 3 * width, width, until.data(), {}, scratch.data()},
          out.data());
      for (std::size_t k = 0; rows > 4 && k < width; ++k)
        ASSERT_EQ(out[4 * width + k], qkv[4 * 3 * width + 2 * width + k]) << "sees itself alone";
      // The last row once more, from keys and values in two blocks: as they are, and in halves.
      for (const FloatFormat kept : {FloatFormat::float32, FloatFormat::bfloat16}) {
        const bool halves = kept == FloatFormat::bfloat16;
        if (halves && width / heads % 2 != 0) continue;
        const std::size_t words = page_words(kept, width), pages = rows / kPageRows + 1;
        std::vector<PackedWords> all(2 * pages);
        std::vector<const std::uint32_t*> at;
        for (PackedWords& page : all) {
          page.resize(2 * words);
          std::fill_n(page.data(), 2 * words, halves ? 0x42c842c8u : 0x42c80000u);  // 100
          at.push_back(page.data());
        }
        for (std::size_t row = 0; row < rows; ++row) {
          const std::size_t block = row < shared ? 0 : 1, own = row < shared ? row : row - shared;
          const float *key = qkv.data() + row * 3 * width + width, *value = key + width;
          std::uint32_t* page = all[pages * block + own / kPageRows].data();
          write_key(kept, width, own % kPageRows, key, page);
          write_value(kept, width, own % kPageRows, value, page + words);
        }
        Floats more(cached_scratch(rows)), other(cached_scratch(rows));
        const auto one_of = [&](const float* query, float* own_scratch) {
          return CachedAttention{
              kept,
              query,
              width,
              heads,
              {{at.data(), 0, words, shared}, {at.data() + pages, 0, words, rows - shared}},
              own_scratch};
        };
        const CachedAttention row = one_of(qkv.data() + (rows - 1) * 3 * width, more.data());
        Floats again(width), together(2 * width);
        table_->attend_cached(&row, 1, again.data(), width, {at.data(), at.size(), words});
        for (std::size_t k = 0; k < width; ++k)
          EXPECT_NEAR(again[k], out[(rows - 1) * width + k], halves ? 3e-2 : 2e-6)
              << width << "/" << heads << " " << rows << " " << shared;
        const CachedAttention both[] = {one_of(qkv.data(), other.data()), row};
        table_->attend_cached(both, 2, together.data(), width, {});
        EXPECT_EQ(std::memcmp(again.data(), together.data() + width, width * sizeof(float)), 0)
            << "whichever rows are beside";
      }
    }
}

TEST_P(KernelTables, DropsItsShareAndTheSameAgain) {
  constexpr std::size_t kCount = 100'001;
  Floats x(kCount), y(kCount);
  for (std::size_t i = 0; i < kCount; ++i) x[i] = y[i] = 1;
  table_->drop(x.data(), kCount, {.25f, 9}), table_->drop(y.data(), kCount, {.25f, 9});
  double kept = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(x[i], y[i]);
    ASSERT_TRUE(x[i] == 0 || std::abs(x[i] - 1 / .75f) < 1e-6f);
    kept += x[i] > 0;
  }
  EXPECT_NEAR(kept / kCount, .75, 4 * std::sqrt(.75 * .25 / kCount));
}

TEST_P(KernelTables, PicksByTheSum) {
  Floats x(40);
  for (const std::size_t i : {3, 20, 36}) x[i] = static_cast<float>(i);
  EXPECT_EQ(table_->pick(x.data(), 40, 0), 3u);
  EXPECT_EQ(table_->pick(x.data(), 40, 2.9), 3u);
  EXPECT_EQ(table_->pick(x.data(), 40, 3), 20u);
  EXPECT_EQ(table_->pick(x.data(), 40, 58), 36u);
  EXPECT_EQ(table_->pick(x.data(), 40, 59), 36u) << "what rounding leaves";
}

}  // namespace
}  // namespace cangong
