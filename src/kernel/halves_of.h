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

// Sixteen shares of rows 0, 2, .. and of rows 1, 3, ..; twice over where vectors have room.
inline void part_shares(const float* share, Vec& even, Vec& odd) {
#if CANGONG_LANES == 16
  const Ints evens = {0, 2, 4, 6, 8, 10, 12, 14, 0, 2, 4, 6, 8, 10, 12, 14};
  const Vec all = load(share);
  even = __builtin_shuffle(all, evens), odd = __builtin_shuffle(all, evens + 1);
#else
  const Ints evens = {0, 2, 4, 6, 8, 10, 12, 14};
  const Vec low = load(share), high = load(share + 8);
  even = __builtin_shuffle(low, high, evens), odd = __builtin_shuffle(low, high, evens + 1);
#endif
}

#ifdef CANGONG_PAIRS
// AVX512-BF16 multiplies pairs of numbers, and adds both products to a float32.
using PairWords = __m512bh;

inline PairWords splat_pair(const float* x) {
  const auto two = reinterpret_cast<__m128i>(
      _mm_cvtneps_pbh(_mm_loadl_pi(_mm_setzero_ps(), reinterpret_cast<const __m64*>(x))));
  return reinterpret_cast<PairWords>(_mm512_broadcastd_epi32(two));
}
inline PairWords share_pairs(const float* share) {
  const auto eight = reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(load(share)));
  return reinterpret_cast<PairWords>(_mm512_broadcast_i64x4(eight));
}
inline Vec add_pairs(Vec sums, Words a, PairWords b) {
  return _mm512_dpbf16_ps(sums, reinterpret_cast<PairWords>(a), b);
}

// Rows of a, rounded, up to `words` pairs of numbers, 0 behind the last.
inline void round_rows(const HalfProduct& p, std::size_t rows, std::size_t words,
                       std::uint16_t* out) {
  for (std::size_t r = 0; r < rows; ++r, out += 2 * words) {
    const float* a = p.a + r * p.a_row;
    const std::size_t inner = r < p.rows ? p.inner : 0;
    for (std::size_t k = 0; k < 2 * words; k += kLanes) {
      const std::size_t left = k < inner ? inner - k : 0;
      const Vec x = left >= kLanes ? load(a + k) : left > 0 ? load_part(a + k, left) : Vec{};
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + k),
                          reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)));
    }
  }
}
#endif

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
  round_rows(p, whole_sixteens(p.rows), words, a);
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
#elif defined(CANGONG_PAIRS)
template <int kRows, int kAcross>
void pair_tile(const std::uint32_t* a, std::size_t a_words, const std::uint32_t* b,
               std::size_t b_panel, std::size_t words, float* c, std::size_t c_row,
               MatrixProduct::Into into) {
  Vec sums[kRows][kAcross] = {};
  for (std::size_t k = 0; k < words; ++k, ++a, b += 16) {
    Words right[kAcross];
    for (std::size_t v = 0; v < kAcross; ++v) right[v] = load_words(b + v * b_panel);
#pragma GCC unroll 16
    for (std::size_t r = 0; r < kRows; ++r) {
      const auto x =
          reinterpret_cast<PairWords>(_mm512_set1_epi32(static_cast<std::int32_t>(a[r * a_words])));
      for (std::size_t v = 0; v < kAcross; ++v) sums[r][v] = add_pairs(sums[r][v], right[v], x);
    }
  }
  for (std::size_t r = 0; r < kRows; ++r, c += c_row)
    for (std::size_t v = 0; v < kAcross; ++v)
      store(c + 16 * v,
            into == MatrixProduct::Into::add ? load(c + 16 * v) + sums[r][v] : sums[r][v]);
}

using PairTile = void (*)(const std::uint32_t*, std::size_t, const std::uint32_t*, std::size_t,
                          std::size_t, float*, std::size_t, MatrixProduct::Into);
constexpr std::size_t kPairRows = 12;
template <int kAcross>
constexpr PairTile kPairTiles[kPairRows] = {
    pair_tile<1, kAcross>, pair_tile<2, kAcross>,  pair_tile<3, kAcross>,  pair_tile<4, kAcross>,
    pair_tile<5, kAcross>, pair_tile<6, kAcross>,  pair_tile<7, kAcross>,  pair_tile<8, kAcross>,
    pair_tile<9, kAcross>, pair_tile<10, kAcross>, pair_tile<11, kAcross>, pair_tile<12, kAcross>};

void multiply_halves(const HalfProduct& p) {
  const std::size_t a_words = half_words(p.inner), panel = half_panel(p.inner);
  round_rows(p, p.rows, a_words, reinterpret_cast<std::uint16_t*>(p.scratch));
  const auto* a = reinterpret_cast<const std::uint32_t*>(p.scratch);
  for (std::size_t j = 0; j < p.columns; j += 32) {
    const auto& tiles = j + 16 < p.columns ? kPairTiles<2> : kPairTiles<1>;
    for (std::size_t i = 0; i < p.rows; i += kPairRows) {
      const std::size_t rows = p.rows - i < kPairRows ? p.rows - i : kPairRows;
      tiles[rows - 1](a + i * a_words, a_words, p.b + j / 16 * panel, panel, (p.inner + 1) / 2,
                      p.c + i * p.c_row + j, p.c_row, p.into);
    }
  }
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
