// Products whose right side is kept in bfloat16. Part of kernels_of.h.

inline Words load_words(const std::uint32_t* p) {
  typedef std::uint32_t Loose
      __attribute__((vector_size(CANGONG_LANES * 4), aligned(4), may_alias));
  return *reinterpret_cast<const Loose*>(p);
}
inline Vec lower_half(Words w) {
  return reinterpret_cast<Vec>(w << 16);
}
inline Vec upper_half(Words w) {
  return reinterpret_cast<Vec>(w & 0xffff0000u);
}
// As bfloat16 would keep it.
inline Vec rounded(Vec x) {
  const Words bits = reinterpret_cast<Words>(x);
  return reinterpret_cast<Vec>((bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u);
}

#ifdef CANGONG_AMX
// Tiles of Intel's AMX: 16 rows of 64 bytes. A product takes 16 rows, 32 numbers deep, 16 columns
// wide; up to two by two of them share what they load.

// g++ 12 is not told that loading a tile reads memory.
inline void written_before_tiles_read() {
  asm volatile("" ::: "memory");
}

struct alignas(64) TileShape {
  std::uint8_t palette = 1, start = 0, reserved[14] = {};
  std::uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// Rows of a, up to whole sixteens, rounded; up to `words` pairs of numbers, 0 behind the last.
inline void round_rows(const HalfProduct& p, std::size_t words, std::uint16_t* out) {
  const std::size_t rows = whole_sixteens(p.rows);
  for (std::size_t r = 0; r < rows; ++r, out += 2 * words) {
    std::size_t k = 0;
    const float* a = p.a + r * p.a_row;
    const std::size_t inner = r < p.rows ? p.inner : 0;
    for (; k < 2 * words; k += kLanes) {
      const std::size_t left = k < inner ? inner - k : 0;
      const Vec x = left >= kLanes ? load(a + k) : left > 0 ? load_part(a + k, left) : Vec{};
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + k),
                          reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)));
    }
  }
}

template <int kDown, int kAcross>
void tiles(const std::uint16_t* a, const std::uint32_t* b, std::size_t words, float* c,
           std::size_t c_row, MatrixProduct::Into into) {
  const std::size_t a_bytes = 4 * words, c_bytes = 4 * c_row;
  const bool adds = into == MatrixProduct::Into::add;
#define CANGONG_BEGIN(tile, at)       \
  do {                                \
    if (adds)                         \
      _tile_loadd(tile, at, c_bytes); \
    else                              \
      _tile_zero(tile);               \
  } while (false)
  CANGONG_BEGIN(0, c);
  if constexpr (kAcross > 1) CANGONG_BEGIN(1, c + 16);
  if constexpr (kDown > 1) CANGONG_BEGIN(2, c + 16 * c_row);
  if constexpr (kDown > 1 && kAcross > 1) CANGONG_BEGIN(3, c + 16 * c_row + 16);
#undef CANGONG_BEGIN
  for (std::size_t k = 0; k < words; k += 16) {
    _tile_loadd(4, a + 2 * k, a_bytes);
    _tile_loadd(6, b + 16 * k, 64);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (kAcross > 1) {
      _tile_loadd(7, b + 16 * (words + k), 64);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (kDown > 1) {
      _tile_loadd(5, a + 2 * (16 * words + k), a_bytes);
      _tile_dpbf16ps(2, 5, 6);
      if constexpr (kAcross > 1) _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, c, c_bytes);
  if constexpr (kAcross > 1) _tile_stored(1, c + 16, c_bytes);
  if constexpr (kDown > 1) _tile_stored(2, c + 16 * c_row, c_bytes);
  if constexpr (kDown > 1 && kAcross > 1) _tile_stored(3, c + 16 * c_row + 16, c_bytes);
}

// The last rows, fewer than a tile has, by way of a tile's own memory.
inline void last_tile(const std::uint16_t* a, const std::uint32_t* b, std::size_t words, float* c,
                      std::size_t c_row, std::size_t rows, MatrixProduct::Into into) {
  alignas(64) float own[256] = {};
  // Begun from c as whole tiles are: a row's sums do not depend on which tile it is in.
  for (std::size_t r = 0; r < rows; ++r) store(own + 16 * r, load(c + r * c_row));
  written_before_tiles_read();
  tiles<1, 1>(a, b, words, own, 16, into);
  for (std::size_t r = 0; r < rows; ++r) store(c + r * c_row, load(own + 16 * r));
}

void multiply_halves(const HalfProduct& p) {
  static constexpr TileShape kShape;
  _tile_loadconfig(&kShape);
  const std::size_t words = half_words(p.inner), panel = 16 * words;
  auto* a = reinterpret_cast<std::uint16_t*>(p.scratch);
  round_rows(p, words, a);
  written_before_tiles_read();
  const std::size_t whole = p.rows / 16 * 16;
  for (std::size_t j = 0; j < p.columns; j += 32) {
    const std::uint32_t* b = p.b + j / 16 * panel;
    const bool two = j + 16 < p.columns;
    std::size_t i = 0;
    for (; i + 32 <= whole; i += 32)
      (two ? tiles<2, 2> : tiles<2, 1>)(a + i * 2 * words, b, words, p.c + i * p.c_row + j, p.c_row,
                                        p.into);
    for (; i < whole; i += 16)
      (two ? tiles<1, 2> : tiles<1, 1>)(a + i * 2 * words, b, words, p.c + i * p.c_row + j, p.c_row,
                                        p.into);
    if (i == p.rows) continue;
    for (std::size_t part = 0; part < (two ? 2 : 1); ++part)
      last_tile(a + i * 2 * words, b + part * panel, words, p.c + i * p.c_row + j + 16 * part,
                p.c_row, p.rows - i, p.into);
  }
  _tile_release();
}
#else
template <int kRows>
void half_tile(const HalfProduct& p, const float* a, const std::uint32_t* b, float* c) {
  constexpr std::size_t kVectors = 16 / kLanes;
  const std::size_t words = half_words(p.inner);
  Vec sums[kRows][kVectors] = {};
  for (std::size_t k = 0; k < words; ++k, b += 16)
    for (std::size_t v = 0; v < kVectors; ++v) {
      const Words pair = load_words(b + v * kLanes);
      const Vec first = lower_half(pair), second = upper_half(pair);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const float* x = a + static_cast<std::size_t>(r) * 2 * words + 2 * k;
        sums[r][v] += splat(x[0]) * first;
        sums[r][v] += splat(x[1]) * second;
      }
    }
  for (int r = 0; r < kRows; ++r, c += p.c_row)
    for (std::size_t v = 0; v < kVectors; ++v) {
      float* at = c + v * kLanes;
      store(at, p.into == MatrixProduct::Into::add ? load(at) + sums[r][v] : sums[r][v]);
    }
}

using HalfTile = void (*)(const HalfProduct&, const float*, const std::uint32_t*, float*);
constexpr HalfTile kHalfTiles[] = {half_tile<1>, half_tile<2>, half_tile<3>, half_tile<4>};
constexpr std::size_t kHalfRows = 4;

void multiply_halves(const HalfProduct& p) {
  const std::size_t words = half_words(p.inner);
  for (std::size_t r = 0; r < p.rows; ++r) {
    float* to = p.scratch + r * 2 * words;
    each_vector(p.inner, [&](std::size_t k, auto in, auto put) {
      put(to + k, rounded(in(p.a + r * p.a_row + k)));
    });
    for (std::size_t k = p.inner; k < 2 * words; ++k) to[k] = 0;
  }
  for (std::size_t j = 0; j < p.columns; j += 16)
    for (std::size_t i = 0; i < p.rows; i += kHalfRows) {
      const std::size_t rows = p.rows - i < kHalfRows ? p.rows - i : kHalfRows;
      kHalfTiles[rows - 1](p, p.scratch + i * 2 * words, p.b + j * words, p.c + i * p.c_row + j);
    }
}
#endif
