// Attention over what was kept, and the drawing of what comes next. Part of kernels_of.h.

// A head is taken kPiece of its numbers at a time, which stay in registers.
constexpr std::size_t kPiece = 10;

// The numbers 2 w and 2 w + 1 of sixteen rows, of which `words` of each are kept.
template <FloatFormat kKept>
struct Pair {
  Vec first, second;
  Pair(const std::uint32_t* at, std::size_t w) {
    if constexpr (kKept == FloatFormat::bfloat16) {
      const Words both = load_words(at + w * 16);
      first = lower_half(both), second = upper_half(both);
    } else {
      first = reinterpret_cast<Vec>(load_words(at + 2 * w * 16));
      second = reinterpret_cast<Vec>(load_words(at + (2 * w + 1) * 16));
    }
  }
};

// Words between a row's numbers and the next sixteen rows'.
constexpr std::size_t words_of(FloatFormat kept, std::size_t numbers) {
  return kept == FloatFormat::bfloat16 ? numbers / 2 : numbers;
}

// out[j] = the products of rows j with kCount numbers of the query, or is added to.
template <FloatFormat kKept, int kCount>
void score(const std::uint32_t* keys, std::size_t width, std::size_t rows, const float* query,
           MatrixProduct::Into into, float* out) {
  Vec q[kCount];
  for (int k = 0; k < kCount; ++k) q[k] = splat(query[k]);
  for (std::size_t j = 0; j < rows; j += kLanes) {
    const std::uint32_t* at = keys + cached_place(words_of(kKept, width), 0, j);
    Vec even = into == MatrixProduct::Into::add ? load(out + j) : Vec{}, odd{};
#pragma GCC unroll 16
    for (int w = 0; w < kCount / 2; ++w) {
      const Pair<kKept> pair(at, w);
      even += pair.first * q[2 * w], odd += pair.second * q[2 * w + 1];
    }
    if constexpr (kCount % 2)
      even += reinterpret_cast<Vec>(load_words(at + (kCount - 1) * 16)) * q[kCount - 1];
    store(out + j, even + odd);
  }
}

// sums[k] += share[j] times number k of row j, of kCount numbers; lane by lane.
template <FloatFormat kKept, int kCount>
void mix_rows(const std::uint32_t* values, std::size_t width, std::size_t rows, const float* share,
              Vec* sums) {
  Vec own[kCount];
  for (int k = 0; k < kCount; ++k) own[k] = sums[k];
  for (std::size_t j = 0; j < rows; j += kLanes) {
    const std::uint32_t* at = values + cached_place(words_of(kKept, width), 0, j);
    const Vec s = load(share + j);
#pragma GCC unroll 16
    for (int w = 0; w < kCount / 2; ++w) {
      const Pair<kKept> pair(at, w);
      own[2 * w] += pair.first * s, own[2 * w + 1] += pair.second * s;
    }
    if constexpr (kCount % 2)
      own[kCount - 1] += reinterpret_cast<Vec>(load_words(at + (kCount - 1) * 16)) * s;
  }
  for (int k = 0; k < kCount; ++k) sums[k] = own[k];
}

using Score = void (*)(const std::uint32_t*, std::size_t, std::size_t, const float*,
                       MatrixProduct::Into, float*);
using MixRows = void (*)(const std::uint32_t*, std::size_t, std::size_t, const float*, Vec*);
// By the number of numbers; those of pairs are even.
constexpr FloatFormat kFloats = FloatFormat::float32, kHalves = FloatFormat::bfloat16;
constexpr Score kScores[2][kPiece] = {
    {score<kFloats, 1>, score<kFloats, 2>, score<kFloats, 3>, score<kFloats, 4>, score<kFloats, 5>,
     score<kFloats, 6>, score<kFloats, 7>, score<kFloats, 8>, score<kFloats, 9>,
     score<kFloats, 10>},
    {nullptr, score<kHalves, 2>, nullptr, score<kHalves, 4>, nullptr, score<kHalves, 6>, nullptr,
     score<kHalves, 8>, nullptr, score<kHalves, 10>}};
constexpr MixRows kMixes[2][kPiece] = {
    {mix_rows<kFloats, 1>, mix_rows<kFloats, 2>, mix_rows<kFloats, 3>, mix_rows<kFloats, 4>,
     mix_rows<kFloats, 5>, mix_rows<kFloats, 6>, mix_rows<kFloats, 7>, mix_rows<kFloats, 8>,
     mix_rows<kFloats, 9>, mix_rows<kFloats, 10>},
    {nullptr, mix_rows<kHalves, 2>, nullptr, mix_rows<kHalves, 4>, nullptr, mix_rows<kHalves, 6>,
     nullptr, mix_rows<kHalves, 8>, nullptr, mix_rows<kHalves, 10>}};

// Each vector's sum, side by side, of the first kLanes; `sums` is used up.
inline Vec sum_each(Vec* sums) {
#if CANGONG_LANES == 16
  // Halves of two vectors side by side, then added: four times, with halves half as long.
  const auto fold = [sums](int count, const auto& low, const auto& high) {
    for (int i = 0; i < count; ++i) {
      const Vec a = sums[2 * i], b = sums[2 * i + 1];
      sums[i] = low(a, b) + high(a, b);
    }
  };
  fold(
      8, [](Vec a, Vec b) { return _mm512_unpacklo_ps(a, b); },
      [](Vec a, Vec b) { return _mm512_unpackhi_ps(a, b); });
  fold(
      4,
      [](Vec a, Vec b) {
        return reinterpret_cast<Vec>(
            _mm512_unpacklo_pd(reinterpret_cast<__m512d>(a), reinterpret_cast<__m512d>(b)));
      },
      [](Vec a, Vec b) {
        return reinterpret_cast<Vec>(
            _mm512_unpackhi_pd(reinterpret_cast<__m512d>(a), reinterpret_cast<__m512d>(b)));
      });
  fold(
      2, [](Vec a, Vec b) { return _mm512_shuffle_f32x4(a, b, 0x88); },
      [](Vec a, Vec b) { return _mm512_shuffle_f32x4(a, b, 0xdd); });
  fold(
      1, [](Vec a, Vec b) { return _mm512_shuffle_f32x4(a, b, 0x88); },
      [](Vec a, Vec b) { return _mm512_shuffle_f32x4(a, b, 0xdd); });
  return sums[0];
#else
  Vec all;
  for (std::size_t k = 0; k < kLanes; ++k) all[k] = sum(sums[k]);
  return all;
#endif
}

// Scores become what the query takes of each row; 0 behind a block's last one. Returns their sum.
inline float share_rows(const CachedAttention& of, float* shares) {
  Vec top = splat(-3e38f), total{};
  float* at = shares;
  for (const auto& block : of.blocks) {
    if (const std::size_t rest = block.rows % kLanes) {
      float* last = at + (block.rows - rest);
      const Ints inside = lane_numbers() < static_cast<std::int32_t>(rest);
      store(last, inside ? load(last) : splat(-3e38f));
    }
    for (std::size_t j = 0; j < block.rows; j += kLanes) {
      const Vec s = load(at + j);
      top = s > top ? s : top;
    }
    at += whole_sixteens(block.rows);
  }
  const float most = largest(top);
  at = shares;
  for (const auto& block : of.blocks) {
    for (std::size_t j = 0; j < block.rows; j += kLanes) {
      const Vec e = exponential(load(at + j) - most);
      store(at + j, e);
      total += e;
    }
    at += whole_sixteens(block.rows);
  }
  return sum(total);
}

// Numbers of a head that are taken at once.
struct HeadPiece {
  std::size_t first, count;
};

inline void score_piece(const CachedAttention& of, const HeadPiece& piece,
                        MatrixProduct::Into into) {
  const Vec scale = splat(1 / __builtin_sqrtf(static_cast<float>(of.width / of.heads)));
  alignas(64) float query[16];
  store(query, load(of.query + piece.first) * scale);
  if constexpr (kLanes < 16) store(query + 8, load(of.query + piece.first + 8) * scale);
  float* scores = of.scratch;
  for (const auto& block : of.blocks) {
    kScores[of.kept == kHalves][piece.count - 1](block.keys + words_of(of.kept, piece.first) * 16,
                                                 of.width, block.rows, query, into, scores);
    scores += whole_sixteens(block.rows);
  }
}

inline void mix_piece(const CachedAttention& of, const HeadPiece& piece, float by, float* out) {
  Vec sums[16] = {};
  const float* shares = of.scratch;
  for (const auto& block : of.blocks) {
    kMixes[of.kept == kHalves][piece.count - 1](block.values + words_of(of.kept, piece.first) * 16,
                                                of.width, block.rows, shares, sums);
    shares += whole_sixteens(block.rows);
  }
  const std::size_t left = piece.count < kLanes ? piece.count : kLanes;
  store_part(out + piece.first, sum_each(sums) * by, left);
  if constexpr (kLanes < kPiece)
    if (piece.count > left)
      store_part(out + piece.first + left, sum_each(sums + left) * by, piece.count - left);
}

// Piece by piece for all rows: what they share is read from memory once, then from the caches.
void attend_cached(const CachedAttention* all, std::size_t count, float* out, std::size_t stride) {
  const std::size_t heads = all[0].heads, width = all[0].width / heads;
  float by[kMostAttending];
  const auto each_piece = [&](std::size_t head, const auto& use) {
    for (std::size_t from = 0; from < width; from += kPiece)
      use(HeadPiece{head * width + from, width - from < kPiece ? width - from : kPiece}, from);
  };
  for (std::size_t head = 0; head < heads; ++head) {
    each_piece(head, [&](const HeadPiece& piece, std::size_t from) {
      const auto into = from > 0 ? MatrixProduct::Into::add : MatrixProduct::Into::set;
      for (std::size_t i = 0; i < count; ++i) score_piece(all[i], piece, into);
    });
    for (std::size_t i = 0; i < count; ++i) by[i] = 1 / share_rows(all[i], all[i].scratch);
    each_piece(head, [&](const HeadPiece& piece, std::size_t) {
      for (std::size_t i = 0; i < count; ++i) mix_piece(all[i], piece, by[i], out + i * stride);
    });
  }
}

double rates(const float* x, const float* allowed, float* out, std::size_t count) {
  Vec total{};
  each_vector(count, [&](std::size_t i, auto in, auto put) {
    const Vec rate = exponential(in(x + i)) * in(allowed + i);
    put(out + i, rate);
    total += rate;
  });
  return sum(total);
}

std::size_t pick(const float* x, std::size_t count, double target) {
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const double part = sum(load(x + i));
    if (part > target) break;
    target -= part;
  }
  std::size_t last = 0;
  for (; i < count; ++i) {
    if (!(x[i] > 0)) continue;
    last = i;
    if ((target -= x[i]) < 0) return i;
  }
  if (x[last] > 0) return last;
  while (i-- > 0)
    if (x[i] > 0) return i;
  return 0;
}
