// Attention over vectors of CANGONG_LANES floats: keys side by side, so that one vector holds the
// scores of as many keys. Part of kernels_of.h.

// One person's keys and values of one head, turned: a row for each of the head's numbers.
struct Head {
  const Attention& of;
  std::size_t head, width, lanes;  // lanes: rows, up to whole vectors
  float *keys, *values, *shares, *kept, *d_shares, *d_keys, *d_values;

  Head(const Attention& attention, std::size_t number)
      : of(attention),
        head(number),
        width(attention.width / attention.heads),
        lanes((attention.rows + kLanes - 1) / kLanes * kLanes) {
    float* next = of.scratch;
    const auto take = [&](std::size_t count) { return next += count, next - count; };
    keys = take(width * lanes), values = take(width * lanes);
    shares = take(lanes), kept = take(lanes), d_shares = take(lanes);
    d_keys = take(of.rows * (width + kLanes)), d_values = take(of.rows * (width + kLanes));
  }
  const float* part(std::size_t row, std::size_t what) const {
    return of.qkv + row * of.stride + what * of.width + head * width;
  }
  void turn(std::size_t what, float* to) const {
    for (std::size_t k = 0; k < width; ++k) {
      for (std::size_t row = 0; row < of.rows; ++row) to[k * lanes + row] = part(row, what)[k];
      for (std::size_t row = of.rows; row < lanes; ++row) to[k * lanes + row] = 0;
    }
  }
  std::size_t place(std::size_t row, std::size_t column) const {
    return (head * of.rows + row) * lanes + column;
  }

  // Products of `x` with the turned rows [0, until).
  void against(const float* x, const float* turned, std::size_t until, float* out) const {
    for (std::size_t j = 0; j < until; j += kLanes) {
      Vec total{};
      for (std::size_t k = 0; k < width; ++k) total += load(turned + k * lanes + j) * x[k];
      store(out + j, total);
    }
  }

  // shares: how much row `row` takes of each; kept: the same after dropout.
  void share(std::size_t row, std::size_t until, const Keep& keep) const {
    against(part(row, 0), keys, until, shares);
    const float scale = 1 / __builtin_sqrtf(static_cast<float>(width));
    const Ints lane = lane_numbers();
    Vec top = splat(-3e38f), total{};
    for (std::size_t j = 0; j < until; j += kLanes) {
      const Ints inside = lane < static_cast<std::int32_t>(until - j);
      const Vec s = inside ? load(shares + j) * scale : splat(-3e38f);
      store(shares + j, s);
      top = s > top ? s : top;
    }
    const float most = largest(top);
    for (std::size_t j = 0; j < until; j += kLanes) {
      const Vec e = exponential(load(shares + j) - most);
      store(shares + j, e);
      total += e;
    }
    const float by = 1 / sum(total);
    for (std::size_t j = 0; j < until; j += kLanes) {
      const Vec p = load(shares + j) * by;
      store(shares + j, p);
      store(kept + j, of.dropout.rate > 0 ? p * keep.at(place(row, j)) : p);
    }
  }
};

// Sums of a head's rows, each by its weight; `stride` floats from row to row.
inline void mix(const float* weights, const float* rows, std::size_t stride, std::size_t count,
                std::size_t width, float* out) {
  for (std::size_t from = 0; from < width; from += kLanes) {
    Vec even{}, odd{};
    std::size_t j = 0;
    for (; j + 1 < count; j += 2) {
      even += load(rows + j * stride + from) * weights[j];
      odd += load(rows + (j + 1) * stride + from) * weights[j + 1];
    }
    if (j < count) even += load(rows + j * stride + from) * weights[j];
    const std::size_t left = width - from;
    store_part(out + from, even + odd, left < kLanes ? left : kLanes);
  }
}

// to[j] += weights[j] x, for rows of width + kLanes floats.
inline void spread(const float* weights, const float* x, std::size_t count, std::size_t width,
                   float* to) {
  for (std::size_t from = 0; from < width; from += kLanes) {
    const std::size_t left = width - from;
    const Vec own = load_part(x + from, left < kLanes ? left : kLanes);
    for (std::size_t j = 0; j < count; ++j) {
      float* at = to + j * (width + kLanes) + from;
      store(at, load(at) + own * weights[j]);
    }
  }
}

// The share of a row that sees itself alone.
inline float alone(const Head& head, std::size_t row, const Keep& keep) {
  if (head.of.dropout.rate == 0) return 1;
  return keep.at(head.place(row, row))[0];
}

void attend(const Attention& attention, float* out) {
  const Keep keep(attention.dropout);
  for (std::size_t h = 0; h < attention.heads; ++h) {
    const Head head(attention, h);
    head.turn(1, head.keys);
    for (std::size_t row = 0; row < attention.rows; ++row) {
      float* to = out + row * attention.out_stride + h * head.width;
      if (const std::size_t until = attention.until[row]) {
        head.share(row, until, keep);
        mix(head.kept, head.part(0, 2), attention.stride, until, head.width, to);
      } else {
        const float own = alone(head, row, keep);
        for (std::size_t k = 0; k < head.width; ++k) to[k] = head.part(row, 2)[k] * own;
      }
    }
  }
}

// Of the shares, from those of what they gave; times the scale of the scores.
inline void share_back(const Head& head, std::size_t row, std::size_t until, const Keep& keep) {
  const float scale = 1 / __builtin_sqrtf(static_cast<float>(head.width));
  Vec total{};
  for (std::size_t j = 0; j < until; j += kLanes) {
    Vec d = load(head.d_shares + j);
    if (head.of.dropout.rate > 0) d *= keep.at(head.place(row, j));
    store(head.d_shares + j, d);
    total += d * load(head.shares + j);
  }
  const float dot = sum(total);
  for (std::size_t j = 0; j < until; j += kLanes)
    store(head.d_shares + j, load(head.shares + j) * (load(head.d_shares + j) - dot) * scale);
}

void attend_back(const Attention& attention, const float* d_out, float* d_qkv) {
  const Keep keep(attention.dropout);
  const std::size_t rows = attention.rows, width = attention.width / attention.heads;
  for (std::size_t h = 0; h < attention.heads; ++h) {
    const Head head(attention, h);
    head.turn(1, head.keys), head.turn(2, head.values);
    const std::size_t stride = width + kLanes;
    for (std::size_t i = 0; i < rows * stride; ++i) head.d_keys[i] = head.d_values[i] = 0;
    for (std::size_t row = 0; row < rows; ++row) {
      const float* d = d_out + row * attention.out_stride + h * width;
      float* d_query = d_qkv + row * attention.stride + h * width;
      if (const std::size_t until = attention.until[row]) {
        head.share(row, until, keep);
        head.against(d, head.values, until, head.d_shares);
        share_back(head, row, until, keep);
        mix(head.d_shares, head.part(0, 1), attention.stride, until, width, d_query);
        spread(head.d_shares, head.part(row, 0), until, width, head.d_keys);
        spread(head.kept, d, until, width, head.d_values);
      } else {
        const float own = alone(head, row, keep);
        for (std::size_t k = 0; k < width; ++k)
          d_query[k] = 0, head.d_values[row * stride + k] += d[k] * own;
      }
    }
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t k = 0; k < width; ++k) {
        float* to = d_qkv + row * attention.stride + h * width + k;
        to[attention.width] = head.d_keys[row * stride + k];
        to[2 * attention.width] = head.d_values[row * stride + k];
      }
  }
}
