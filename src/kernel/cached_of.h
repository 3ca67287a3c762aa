// Attention over what was kept, and the drawing of what comes next. Part of kernels_of.h.

// A head is taken kPiece of its numbers at a time, which stay in registers.
constexpr std::size_t kPiece = 10;

// out[j] = the products of rows j with kCount numbers of the query, or is added to.
template <int kCount>
void score(const float* keys, std::size_t width, std::size_t rows, const float* query,
           MatrixProduct::Into into, float* out) {
  Vec q[kCount];
  for (int k = 0; k < kCount; ++k) q[k] = splat(query[k]);
  for (std::size_t j = 0; j < rows; j += kLanes) {
    const float* at = keys + cached_place(width, 0, j);
    Vec even = into == MatrixProduct::Into::add ? load(out + j) : Vec{}, odd{};
#pragma GCC unroll 16
    for (int k = 0; k + 1 < kCount; k += 2)
      even += load(at + k * 16) * q[k], odd += load(at + (k + 1) * 16) * q[k + 1];
    if constexpr (kCount % 2) even += load(at + (kCount - 1) * 16) * q[kCount - 1];
    store(out + j, even + odd);
  }
}

// sums[k] += share[j] times number k of row j, of kCount numbers; lane by lane.
template <int kCount>
void mix_rows(const float* values, std::size_t width, std::size_t rows, const float* share,
              Vec* sums) {
  Vec own[kCount];
  for (int k = 0; k < kCount; ++k) own[k] = sums[k];
  for (std::size_t j = 0; j < rows; j += kLanes) {
    const float* at = values + cached_place(width, 0, j);
    const Vec s = load(share + j);
#pragma GCC unroll 16
    for (int k = 0; k < kCount; ++k) own[k] += load(at + k * 16) * s;
  }
  for (int k = 0; k < kCount; ++k) sums[k] = own[k];
}

using Score = void (*)(const float*, std::size_t, std::size_t, const float*, MatrixProduct::Into,
                       float*);
using MixRows = void (*)(const float*, std::size_t, std::size_t, const float*, Vec*);
constexpr Score kScores[] = {score<1>, score<2>, score<3>, score<4>, score<5>,
                             score<6>, score<7>, score<8>, score<9>, score<10>};
constexpr MixRows kMixes[] = {mix_rows<1>, mix_rows<2>, mix_rows<3>, mix_rows<4>, mix_rows<5>,
                              mix_rows<6>, mix_rows<7>, mix_rows<8>, mix_rows<9>, mix_rows<10>};

constexpr std::size_t whole_sixteens(std::size_t rows) {
  return (rows + 15) / 16 * 16;
}

// Scores become what the query takes of each row; 0 behind a block's last one. Returns their sum.
inline float share_rows(const CachedAttention& of, float scale, float* shares) {
  Vec top = splat(-3e38f), total{};
  float* at = shares;
  for (const auto& block : of.blocks) {
    for (std::size_t j = 0; j < block.rows; j += kLanes) {
      const Ints inside = lane_numbers() < static_cast<std::int32_t>(block.rows - j);
      const Vec s = inside ? load(at + j) * scale : splat(-3e38f);
      store(at + j, s);
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

void attend_cached(const CachedAttention& of, float* out) {
  const std::size_t width = of.width / of.heads;
  const float scale = 1 / __builtin_sqrtf(static_cast<float>(width));
  const auto each_piece = [&](std::size_t head, const auto& use) {
    for (std::size_t from = 0; from < width; from += kPiece)
      use(head * width + from, width - from < kPiece ? width - from : kPiece);
  };
  float* const shares[2] = {of.scratch, of.scratch + whole_sixteens(of.blocks[0].rows)};
  for (std::size_t head = 0; head < of.heads; ++head) {
    each_piece(head, [&](std::size_t first, std::size_t count) {
      const auto into = first > head * width ? MatrixProduct::Into::add : MatrixProduct::Into::set;
      for (int b = 0; b < 2; ++b)
        kScores[count - 1](of.blocks[b].keys + first * 16, of.width, of.blocks[b].rows,
                           of.query + first, into, shares[b]);
    });
    const float by = 1 / share_rows(of, scale, of.scratch);
    each_piece(head, [&](std::size_t first, std::size_t count) {
      Vec sums[kPiece] = {};
      for (int b = 0; b < 2; ++b)
        kMixes[count - 1](of.blocks[b].values + first * 16, of.width, of.blocks[b].rows, shares[b],
                          sums);
      for (std::size_t k = 0; k < count; ++k) out[first + k] = sum(sums[k]) * by;
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
