// The kernels, written once over vectors of CANGONG_LANES floats; each kernels_*.cpp compiles them
// for its instructions. It includes nothing that other files include too: what is compiled here
// must not be chosen by the linker for processors that do not know it.
#include <immintrin.h>

#include "kernel/cached_page.h"
#include "kernel/kernels.h"

namespace cangong {
namespace CANGONG_KERNELS {
namespace {

#include "kernel/vectors_of.h"

// Products of matrices.

template <int kRows>
void tile(const MatrixProduct& p, const float* a, const float* b, float* c, std::size_t columns) {
  Vec sums[kRows][2] = {};
  for (std::size_t k = 0; k < p.inner; ++k) {
    const Vec left = load(b), right = load(b + kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vec x = splat(a[static_cast<std::size_t>(r) * p.a_row]);
      sums[r][0] += x * left;
      sums[r][1] += x * right;
    }
    a += p.a_step, b += p.b_row;
  }
  for (int r = 0; r < kRows; ++r, c += p.c_row) {
    const std::size_t first = columns < kLanes ? columns : kLanes, second = columns - first;
    const bool adds = p.into == MatrixProduct::Into::add;
    if (columns == kPanel) {
      store(c, adds ? load(c) + sums[r][0] : sums[r][0]);
      store(c + kLanes, adds ? load(c + kLanes) + sums[r][1] : sums[r][1]);
      continue;
    }
    const auto put = [adds](float* at, Vec v, std::size_t n) {
      if (n == kLanes)
        store(at, adds ? load(at) + v : v);
      else
        store_part(at, adds ? load_part(at, n) + v : v, n);
    };
    put(c, sums[r][0], first);
    if (second) put(c + kLanes, sums[r][1], second);
  }
}

using Tile = void (*)(const MatrixProduct&, const float*, const float*, float*, std::size_t);
#if CANGONG_LANES == 16
constexpr std::size_t kTileRows = 12;
constexpr Tile kTiles[] = {tile<1>, tile<2>, tile<3>, tile<4>,  tile<5>,  tile<6>,
                           tile<7>, tile<8>, tile<9>, tile<10>, tile<11>, tile<12>};
#else
constexpr std::size_t kTileRows = 6;
constexpr Tile kTiles[] = {tile<1>, tile<2>, tile<3>, tile<4>, tile<5>, tile<6>};
#endif

// A panel of b stays in the first cache while all rows of a pass by; long inner sums go in parts.
void multiply(const MatrixProduct& whole) {
  constexpr std::size_t kInner = 512;
  for (std::size_t from = 0; from < whole.inner; from += kInner) {
    MatrixProduct p = whole;
    p.inner = whole.inner - from < kInner ? whole.inner - from : kInner;
    p.a += from * p.a_step, p.b += from * p.b_row;
    if (from > 0) p.into = MatrixProduct::Into::add;
    for (std::size_t j = 0; j < p.columns; j += kPanel) {
      const float* b = p.b + j / kPanel * p.b_panel;
      const std::size_t columns = p.columns - j < kPanel ? p.columns - j : kPanel;
      for (std::size_t i = 0; i < p.rows; i += kTileRows) {
        const std::size_t rows = p.rows - i < kTileRows ? p.rows - i : kTileRows;
        kTiles[rows - 1](p, p.a + i * p.a_row, b, p.c + i * p.c_row + j, columns);
      }
    }
  }
}

// Rows of each panel of columns side by side; 0 behind the last column.
inline void lay(const float* x, std::size_t stride, std::size_t rows, std::size_t columns,
                std::size_t panel, float* out) {
  for (std::size_t from = 0; from < columns; from += panel, out += rows * panel) {
    const std::size_t count = columns - from < panel ? columns - from : panel;
    for (std::size_t row = 0; row < rows; ++row) {
      const float* at = x + row * stride + from;
      float* to = out + row * panel;
      for (std::size_t k = 0; k < count; ++k) to[k] = at[k];
      for (std::size_t k = count; k < panel; ++k) to[k] = 0;
    }
  }
}

void multiply_turned(const TurnedProduct& p) {
  float *left = p.scratch,
        *right = left + kTurnedRows * ((p.x_columns + kTileRows - 1) / kTileRows * kTileRows);
  for (std::size_t from = 0; from < p.rows; from += kTurnedRows) {
    const std::size_t rows = p.rows - from < kTurnedRows ? p.rows - from : kTurnedRows;
    lay(p.x + from * p.x_stride, p.x_stride, rows, p.x_columns, kTileRows, left);
    lay(p.y + from * p.y_stride, p.y_stride, rows, p.y_columns, kPanel, right);
    MatrixProduct part{left, 1,       kTileRows, right, kPanel, rows * kPanel,
                       p.c,  p.c_row, 0,         0,     rows,   MatrixProduct::Into::add};
    for (std::size_t j = 0; j < p.y_columns; j += kPanel) {
      const std::size_t columns = p.y_columns - j < kPanel ? p.y_columns - j : kPanel;
      for (std::size_t i = 0; i < p.x_columns; i += kTileRows) {
        const std::size_t count = p.x_columns - i < kTileRows ? p.x_columns - i : kTileRows;
        kTiles[count - 1](part, left + i * rows, right + j * rows, p.c + i * p.c_row + j, columns);
      }
    }
  }
}

#include "kernel/halves_of.h"
#include "kernel/rows_of.h"
// Behind the rows, whose dropout it shares.
#include "kernel/attention_of.h"
#include "kernel/pages_of.h"
// Behind the pages.
#include "kernel/cached_of.h"

}  // namespace

extern const Kernels kKernels;
const Kernels kKernels{CANGONG_NAME,
                       kLanes == 16 ? "avx512" : "avx2",
                       kPanel,
                       multiply,
                       multiply_halves,
                       multiply_turned,
                       normalise,
                       normalise_back,
                       gelu,
                       gelu_back,
                       add,
                       drop,
                       attend,
                       attend_back,
                       softmax,
                       attend_cached,
                       rates,
                       pick,
                       sum_of_squares,
                       adam};

}  // namespace CANGONG_KERNELS
}  // namespace cangong
