// Products with keys and values of which sixteen rows stand together. Part of kernels_of.h.

// A head is taken kPiece of its numbers at a time, which stay in registers.
constexpr std::size_t kPiece = 10;
using Pages = const std::uint32_t* const*;

// Row j's place in its page.
inline const std::uint32_t* at_row(Pages pages, std::size_t offset, std::size_t j) {
  return pages[j / kPageRows] + offset + j % kPageRows;
}

// out[j] = the products of rows j with kCount numbers of the query, or is added to.
template <int kCount>
void score(Pages pages, std::size_t offset, std::size_t rows, const float* query,
           MatrixProduct::Into into, float* out) {
  Vec q[kCount];
  for (int k = 0; k < kCount; ++k) q[k] = splat(query[k]);
  for (std::size_t j = 0; j < rows; j += kLanes) {
    const std::uint32_t* at = at_row(pages, offset, j);
    Vec sums[2] = {into == MatrixProduct::Into::add ? load(out + j) : Vec{}, Vec{}};
#pragma GCC unroll 16
    for (int k = 0; k < kCount; ++k)
      sums[k % 2] += reinterpret_cast<Vec>(load_words(at + k * kPageRows)) * q[k];
    store(out + j, sums[0] + sums[1]);
  }
}

// sums[k] += share[j] times number k of row j, of kCount numbers; lane by lane.
template <int kCount>
void mix_rows(Pages pages, std::size_t offset, std::size_t rows, const float* share, Vec* sums) {
  Vec own[kCount];
  for (int k = 0; k < kCount; ++k) own[k] = sums[k];
  for (std::size_t j = 0; j < rows; j += kLanes) {
    const std::uint32_t* at = at_row(pages, offset, j);
    const Vec s = load(share + j);
#pragma GCC unroll 16
    for (int k = 0; k < kCount; ++k)
      own[k] += reinterpret_cast<Vec>(load_words(at + k * kPageRows)) * s;
  }
  for (int k = 0; k < kCount; ++k) sums[k] = own[k];
}

// The same where keys are kept in bfloat16: kWords pairs of numbers.
template <int kWords>
void score_halves(Pages pages, std::size_t offset, std::size_t rows, const float* query,
                  MatrixProduct::Into into, float* out) {
#ifdef CANGONG_PAIRS
  PairWords q[kWords];
  for (int w = 0; w < kWords; ++w) q[w] = splat_pair(query + 2 * w);
#else
  Vec q[2 * kWords];
  for (int k = 0; k < 2 * kWords; ++k) q[k] = splat(query[k]);
#endif
  for (std::size_t j = 0; j < rows; j += kLanes) {
    const std::uint32_t* at = at_row(pages, offset, j);
    Vec sums[2] = {into == MatrixProduct::Into::add ? load(out + j) : Vec{}, Vec{}};
#pragma GCC unroll 16
    for (int w = 0; w < kWords; ++w) {
      const Words both = load_words(at + static_cast<std::size_t>(w) * kPageRows);
#ifdef CANGONG_PAIRS
      sums[w % 2] = add_pairs(sums[w % 2], both, q[w]);
#else
      sums[0] += lower_half(both) * q[2 * w], sums[1] += upper_half(both) * q[2 * w + 1];
#endif
    }
    store(out + j, sums[0] + sums[1]);
  }
}

// Eight words have a number of all rows of a page: numbers k and k + 1 stand in sixteen lanes, of
// rows 0, 2, .. in lower halves, and of rows 1, 3, .. in upper ones. Vector w of `sums` has those
// of its lanes.
template <int kWords>
void mix_halves(Pages pages, std::size_t offset, std::size_t rows, const float* share, Vec* sums) {
  constexpr std::size_t kVectors = kWords * (kPageRows / kLanes);
  Vec own[kVectors];
  for (std::size_t v = 0; v < kVectors; ++v) own[v] = sums[v];
  for (std::size_t j = 0; j < rows; j += kPageRows) {
    const std::uint32_t* at = at_row(pages, offset, j);
#ifdef CANGONG_PAIRS
    const PairWords s = share_pairs(share + j);
#else
    Vec even, odd;
    part_shares(share + j, even, odd);
#endif
#pragma GCC unroll 16
    for (std::size_t v = 0; v < kVectors; ++v) {
      const Words both = load_words(at + v * kLanes);
#ifdef CANGONG_PAIRS
      own[v] = add_pairs(own[v], both, s);
#else
      own[v] += lower_half(both) * even + upper_half(both) * odd;
#endif
    }
  }
  for (std::size_t v = 0; v < kVectors; ++v) sums[v] = own[v];
}

using Score = void (*)(Pages, std::size_t, std::size_t, const float*, MatrixProduct::Into, float*);
using MixRows = void (*)(Pages, std::size_t, std::size_t, const float*, Vec*);
// By the number of numbers; in bfloat16 by the number of pairs.
constexpr Score kScores[kPiece] = {score<1>, score<2>, score<3>, score<4>, score<5>,
                                   score<6>, score<7>, score<8>, score<9>, score<10>};
constexpr MixRows kMixes[kPiece] = {mix_rows<1>, mix_rows<2>, mix_rows<3>, mix_rows<4>,
                                    mix_rows<5>, mix_rows<6>, mix_rows<7>, mix_rows<8>,
                                    mix_rows<9>, mix_rows<10>};
constexpr std::size_t kPairPiece = 16;  // numbers
constexpr Score kPairScores[kPairPiece / 2] = {score_halves<1>, score_halves<2>, score_halves<3>,
                                               score_halves<4>, score_halves<5>, score_halves<6>,
                                               score_halves<7>, score_halves<8>};
constexpr MixRows kPairMixes[kPairPiece / 2] = {mix_halves<1>, mix_halves<2>, mix_halves<3>,
                                                mix_halves<4>, mix_halves<5>, mix_halves<6>,
                                                mix_halves<7>, mix_halves<8>};

// Each vector's sum, side by side, of the first kLanes; `sums` is used up.
inline Vec sum_each(Vec* sums) {
#if CANGONG_LANES == 16
  fold_singles(sums, 8), fold_doubles(sums, 4);
  fold_quarters(sums, 2), fold_quarters(sums, 1);
  return sums[0];
#else
  Vec all;
  for (std::size_t k = 0; k < kLanes; ++k) all[k] = sum(sums[k]);
  return all;
#endif
}

// The sums of eight lanes each: of eight vectors of sixteen, or of the first eight of eight.
inline Vec sum_eights(Vec* sums) {
#if CANGONG_LANES == 16
  fold_singles(sums, 4), fold_doubles(sums, 2), fold_quarters(sums, 1);
  // Lower lanes of vectors 0 to 3, upper ones, then the same of vectors 4 to 7.
  const Ints order = {0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15};
  return __builtin_shuffle(sums[0], order);
#else
  return sum_each(sums);
#endif
}
