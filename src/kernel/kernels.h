// The arithmetic in which networks spend their time, for the processor at hand: one table of
// functions for each set of instructions. Numbers are float32; matrices are row-major. Sums are
// taken in the same order whatever the number of threads, but in another order by another table.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/half.h"

namespace cangong {

// Buffers that kernels read may be read this many floats behind their end.
inline constexpr std::size_t kKernelSlack = 64;

// c = a b, or c += a b. Element (i, k) of a is a[i * a_row + k * a_step]. b is read in panels of
// Kernels::panel columns: element (k, j) is b[j / panel * b_panel + k * b_row + j % panel]; so a
// plain row-major matrix has b_panel = panel, and a packed one b_row = panel.
struct MatrixProduct {
  const float* a;
  std::size_t a_row, a_step;
  const float* b;
  std::size_t b_row, b_panel;
  float* c;
  std::size_t c_row;
  std::size_t rows, columns, inner;
  enum class Into { set, add } into = Into::set;
};

// The same where b is kept in bfloat16, and a is rounded so as it is read. b is in panels of 16
// columns: numbers k and k + 1 (k even) of column j are the word b[j / 16 * half_panel(inner) +
// k / 2 * 16 + j % 16], 0 behind the last k and the last column. Columns of c are written up to
// whole sixteens.
struct HalfProduct {
  const float* a;
  std::size_t a_row;
  const std::uint32_t* b;
  float* c;
  std::size_t c_row;
  std::size_t rows, columns, inner;
  MatrixProduct::Into into;
  float* scratch;  // half_scratch(rows, inner)
};
constexpr std::size_t whole_sixteens(std::size_t count) {
  return (count + 15) / 16 * 16;
}
constexpr std::size_t half_words(std::size_t inner) {  // of a column
  return whole_sixteens((inner + 1) / 2);
}
constexpr std::size_t half_panel(std::size_t inner) {
  return 16 * half_words(inner);
}
constexpr std::size_t half_scratch(std::size_t rows, std::size_t inner) {
  return whole_sixteens(rows) * 2 * half_words(inner);
}

// c += x^T y, of rows that two matrices share: what weights learn. Rows are taken some at a time
// and laid side by side in `scratch`, turned_scratch(x_columns, y_columns) floats.
struct TurnedProduct {
  const float* x;
  std::size_t x_stride, x_columns;
  const float* y;
  std::size_t y_stride, y_columns;
  float* c;  // x_columns x y_columns
  std::size_t c_row, rows;
  float* scratch;
};
inline constexpr std::size_t kTurnedRows = 256;
constexpr std::size_t turned_scratch(std::size_t x_columns, std::size_t y_columns) {
  return kTurnedRows * (x_columns + y_columns + 64);
}

// LayerNorm without a bias (Ba et al. 2016) of rows that are `stride` floats apart, as are those of
// what comes out. Two floats of statistics a row serve the way back; null where there is none.
struct Norm {
  const float *x, *scale;
  std::size_t rows, width, stride;
};

// Numbers set to 0 at random, the others made larger (Srivastava et al. 2014): by a hash of the
// seed and the place, so that the way back makes the same choice again.
struct Dropout {
  float rate = 0;
  std::uint32_t seed = 0;
};

// Attention of one person's rows over the rows before them (Vaswani et al. 2017). Row i sees rows
// [0, until[i]); itself alone where that is none.
struct Attention {
  const float* qkv;  // rows x 3 width
  std::size_t rows, width, heads;
  std::size_t stride, out_stride;  // floats from row to row, of qkv and of what comes out
  const std::uint32_t* until;
  Dropout dropout;
  float* scratch;         // attention_scratch(rows, width / heads) floats
  std::size_t first = 0;  // rows before it need not come out; forward only
};
std::size_t attention_scratch(std::size_t rows, std::size_t head_width);

// One row's attention over rows whose keys and values were kept: a beginning that several rows
// share, and each one's own.
struct CachedAttention {
  // Sixteen rows to a page (kernel/cached_page.h), in which their keys and values begin so many
  // words behind its beginning. Finite up to whole pages.
  struct Block {
    const std::uint32_t* const* pages;
    std::size_t keys, values;
    std::size_t rows;
  };
  FloatFormat kept;  // bfloat16: heads have an even number of numbers
  const float* query;
  std::size_t width, heads;
  Block blocks[2];
  float* scratch;  // cached_scratch(rows of both) floats
};
// Memory that is asked for meanwhile, so that it is near when its turn comes: pieces of one length.
struct Ahead {
  const std::uint32_t* const* pieces;
  std::size_t count, words;
};
inline constexpr std::size_t kMostAttending = 16;
constexpr std::size_t cached_scratch(std::size_t rows) {
  return rows + 64;
}

// What AdamW (Loshchilov and Hutter 2019) does to weights of one kind in step `step` (from 1).
struct AdamStep {
  double rate, beta1, beta2, epsilon, decay;
  std::size_t step;
  float gradient_scale;
};

struct Kernels {
  const char* name;
  const char* floats;  // whose sums of float32 are the same: "avx2" or "avx512"
  std::size_t panel;   // columns
  void (*multiply)(const MatrixProduct& product);
  void (*multiply_halves)(const HalfProduct& product);
  void (*multiply_turned)(const TurnedProduct& product);
  void (*normalise)(const Norm& norm, float* out, float* stats);
  // Adds to d_x and to d_scale.
  void (*normalise_back)(const Norm& norm, const float* stats, const float* d_out, float* d_x,
                         float* d_scale);
  // GELU by tanh (Hendrycks and Gimpel 2016).
  void (*gelu)(const float* x, float* out, std::size_t count);
  void (*gelu_back)(const float* x, float* d, std::size_t count);  // d in place
  void (*add)(float* to, const float* x, std::size_t count);
  void (*drop)(float* x, std::size_t count, Dropout dropout);
  void (*attend)(const Attention& attention, float* out);
  // Sets d_qkv.
  void (*attend_back)(const Attention& attention, const float* d_out, float* d_qkv);
  // The logarithm of the sum of exponentials; x becomes its shares.
  float (*softmax)(float* x, std::size_t count);
  // Of `count` rows alike, at most kMostAttending, which may share their beginning; out[i *
  // stride]. Each row's numbers do not depend on the others.
  void (*attend_cached)(const CachedAttention* rows, std::size_t count, float* out,
                        std::size_t stride, const Ahead& ahead);
  // exp(x) times what is allowed, and their sum.
  double (*rates)(const float* x, const float* allowed, float* out, std::size_t count);
  // The first place up to which the numbers, none negative, add to more than `target`; the last
  // positive one where rounding leaves none.
  std::size_t (*pick)(const float* x, std::size_t count, double target);
  double (*sum_of_squares)(const float* x, std::size_t count);
  void (*adam)(const AdamStep& step, const float* gradient, float* weight, float* mean,
               float* square, std::size_t count);
};

// The best that this processor knows.
const Kernels& kernels();
// By name: "avx2", "avx512", "avx512-bf16", which multiplies pairs of bfloat16, or "amx", which
// also does so by tiles. Null where this processor does not know it.
const Kernels* kernels_named(const char* name);

}  // namespace cangong
