// Attention over vectors of CANGONG_LANES floats: queries side by side, so that nothing is summed
// across a vector. Part of kernels_of.h.

// One person's rows of one head. Matrices are keys x queries, a key's numbers `lanes` apart.
struct Head {
  const Attention& of;
  std::size_t number, width, lanes;  // lanes: rows, up to whole vectors
  float scale;
  float *queries, *grads;  // width x lanes, turned
  float *shares, *d_shares;
  float *sees_from, *sees_until;  // by query

  Head(const Attention& attention, std::size_t head)
      : of(attention),
        number(head),
        width(attention.width / attention.heads),
        lanes((attention.rows + kLanes - 1) / kLanes * kLanes),
        scale(1 / __builtin_sqrtf(static_cast<float>(width))) {
    float* next = of.scratch;
    const auto take = [&](std::size_t count) { return next += count, next - count; };
    queries = take(width * lanes), grads = take(width * lanes);
    shares = take(of.rows * lanes), d_shares = take(of.rows * lanes);
    sees_from = take(lanes), sees_until = take(lanes);
    for (std::size_t i = 0; i < lanes; ++i) {
      const std::size_t until = i < of.rows ? of.until[i] : 1;
      sees_from[i] = static_cast<float>(until ? 0 : i);
      sees_until[i] = static_cast<float>(until ? until : i + 1);
    }
  }
  const float* part(std::size_t row, std::size_t what) const {
    return of.qkv + row * of.stride + what * of.width + number * width;
  }
  void turn(const float* rows, std::size_t stride, float* to) const {
    for (std::size_t k = 0; k < width; ++k) {
      for (std::size_t row = 0; row < of.rows; ++row) to[k * lanes + row] = rows[row * stride + k];
      for (std::size_t row = of.rows; row < lanes; ++row) to[k * lanes + row] = 0;
    }
  }
  // As many keys as a block of queries can see.
  std::size_t keys_of(std::size_t query) const {
    return query + kLanes < of.rows ? query + kLanes : of.rows;
  }
};

// out[j] = the products of key j's row with the queries of one vector; four keys at a time.
inline void products(const float* turned, std::size_t lanes, const float* rows, std::size_t stride,
                     std::size_t keys, std::size_t width, float* out) {
  std::size_t j = 0;
  for (; j + 4 <= keys; j += 4, rows += 4 * stride) {
    Vec a{}, b{}, c{}, d{};
    for (std::size_t k = 0; k < width; ++k) {
      const Vec q = load(turned + k * lanes);
      a += q * splat(rows[k]), b += q * splat(rows[stride + k]);
      c += q * splat(rows[2 * stride + k]), d += q * splat(rows[3 * stride + k]);
    }
    store(out + j * lanes, a), store(out + (j + 1) * lanes, b);
    store(out + (j + 2) * lanes, c), store(out + (j + 3) * lanes, d);
  }
  for (; j < keys; ++j, rows += stride) {
    Vec a{};
    for (std::size_t k = 0; k < width; ++k) a += load(turned + k * lanes) * splat(rows[k]);
    store(out + j * lanes, a);
  }
}

// For the queries of one vector: sums over the keys of weights times the keys' rows, `kCount`
// numbers of them, one below the other in out.
template <int kCount>
void gather(const float* weights, std::size_t lanes, const float* rows, std::size_t stride,
            std::size_t keys, Vec* out) {
  Vec sums[kCount] = {};
  for (std::size_t j = 0; j < keys; ++j, rows += stride) {
    const Vec weight = load(weights + j * lanes);
#pragma GCC unroll 16
    for (int k = 0; k < kCount; ++k) sums[k] += weight * splat(rows[k]);
  }
  for (int k = 0; k < kCount; ++k) out[k] = sums[k];
}

using Gather = void (*)(const float*, std::size_t, const float*, std::size_t, std::size_t, Vec*);
constexpr std::size_t kGathered = 10;
constexpr Gather kGathers[] = {gather<1>, gather<2>, gather<3>, gather<4>, gather<5>,
                               gather<6>, gather<7>, gather<8>, gather<9>, gather<10>};

// The same for a whole head, each query's numbers into its own row of out.
inline void gather_rows(const Head& head, std::size_t query, const float* weights,
                        const float* rows, std::size_t stride, float* out, std::size_t out_stride) {
  const std::size_t keys = head.keys_of(query);
  for (std::size_t from = 0; from < head.width; from += kGathered) {
    const std::size_t count = head.width - from < kGathered ? head.width - from : kGathered;
    Vec sums[kGathered];
    kGathers[count - 1](weights, head.lanes, rows + from, stride, keys, sums);
    for (std::size_t lane = 0; lane < kLanes && query + lane < head.of.rows; ++lane)
      for (std::size_t k = 0; k < count; ++k)
        out[(query + lane) * out_stride + from + k] = sums[k][lane];
  }
}

// shares: what the queries of one vector take of each key; 0 of those that they do not see.
inline void share(const Head& head, std::size_t query) {
  const std::size_t keys = head.keys_of(query), lanes = head.lanes;
  float* shares = head.shares + query;
  products(head.queries + query, lanes, head.part(0, 1), head.of.stride, keys, head.width, shares);
  const Vec from = load(head.sees_from + query), until = load(head.sees_until + query);
  Vec most = splat(-3e38f), total{};
  for (std::size_t j = 0; j < keys; ++j) {
    const Vec place = splat(static_cast<float>(j));
    const Vec s =
        ((place >= from) & (place < until)) ? load(shares + j * lanes) * head.scale : splat(-3e38f);
    store(shares + j * lanes, s);
    most = s > most ? s : most;
  }
  for (std::size_t j = 0; j < keys; ++j) {
    const Vec e = exponential(load(shares + j * lanes) - most);
    store(shares + j * lanes, e);
    total += e;
  }
  const Vec by = 1.0f / total;
  for (std::size_t j = 0; j < keys; ++j) store(shares + j * lanes, load(shares + j * lanes) * by);
}

// x times what dropout keeps of the shares of one vector of queries.
inline void keep_shares(const Head& head, std::size_t query, const Keep& keep, float* x) {
  if (head.of.dropout.rate == 0) return;
  for (std::size_t j = 0; j < head.keys_of(query); ++j) {
    const std::size_t place = (head.number * head.of.rows + j) * head.lanes + query;
    float* at = x + query + j * head.lanes;
    store(at, load(at) * keep.at(place));
  }
}

void attend(const Attention& attention, float* out) {
  const Keep keep(attention.dropout);
  for (std::size_t h = 0; h < attention.heads; ++h) {
    const Head head(attention, h);
    head.turn(head.part(0, 0), attention.stride, head.queries);
    for (std::size_t query = attention.first / kLanes * kLanes; query < attention.rows;
         query += kLanes) {
      share(head, query);
      keep_shares(head, query, keep, head.shares);
      gather_rows(head, query, head.shares + query, head.part(0, 2), attention.stride,
                  out + h * head.width, attention.out_stride);
    }
  }
}

// Sums of a head's rows, each by its weight; `stride` floats from row to row.
inline void mix(const float* weights, const float* rows, std::size_t stride, std::size_t count,
                std::size_t width, float* out) {
  for (std::size_t from = 0; from < width; from += kLanes) {
    Vec sums[4] = {};
    std::size_t j = 0;
    for (; j + 4 <= count; j += 4)
      for (std::size_t r = 0; r < 4; ++r)
        sums[r] += load(rows + (j + r) * stride + from) * splat(weights[j + r]);
    for (; j < count; ++j) sums[0] += load(rows + j * stride + from) * splat(weights[j]);
    const std::size_t left = width - from;
    store_part(out + from, (sums[0] + sums[1]) + (sums[2] + sums[3]),
               left < kLanes ? left : kLanes);
  }
}

// shares become those after dropout; d_shares the derivatives of the scores, from those of what
// came out.
inline void share_back(const Head& head, std::size_t query, const Keep& keep) {
  const std::size_t keys = head.keys_of(query), lanes = head.lanes;
  share(head, query);
  products(head.grads + query, lanes, head.part(0, 2), head.of.stride, keys, head.width,
           head.d_shares + query);
  keep_shares(head, query, keep, head.d_shares);
  Vec dot{};
  for (std::size_t j = 0; j < keys; ++j)
    dot += load(head.shares + query + j * lanes) * load(head.d_shares + query + j * lanes);
  for (std::size_t j = 0; j < keys; ++j) {
    float* at = head.d_shares + query + j * lanes;
    store(at, load(head.shares + query + j * lanes) * (load(at) - dot) * head.scale);
  }
  keep_shares(head, query, keep, head.shares);
}

void attend_back(const Attention& attention, const float* d_out, float* d_qkv) {
  const Keep keep(attention.dropout);
  const std::size_t rows = attention.rows, stride = attention.stride;
  for (std::size_t h = 0; h < attention.heads; ++h) {
    const Head head(attention, h);
    const float* d_own = d_out + h * head.width;
    float* d_query = d_qkv + h * head.width;
    head.turn(head.part(0, 0), stride, head.queries);
    head.turn(d_own, attention.out_stride, head.grads);
    for (std::size_t query = 0; query < rows; query += kLanes) {
      share_back(head, query, keep);
      gather_rows(head, query, head.d_shares + query, head.part(0, 1), stride, d_query, stride);
    }
    for (std::size_t key = 0; key < rows; ++key) {
      // Queries before the key do not see it.
      const float *d_shares = head.d_shares + key * head.lanes,
                  *shares = head.shares + key * head.lanes;
      float* d_key = d_query + key * stride + attention.width;
      mix(d_shares + key, head.part(key, 0), stride, rows - key, head.width, d_key);
      mix(shares + key, d_own + key * attention.out_stride, attention.out_stride, rows - key,
          head.width, d_key + attention.width);
    }
  }
}
