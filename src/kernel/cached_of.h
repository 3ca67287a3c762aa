// Attention over what was kept, and the drawing of what comes next. Part of kernels_of.h.

inline void scores_of(const CachedAttention& of, std::size_t head, const float* query, float* out) {
  const std::size_t width = of.width / of.heads;
  const float scale = 1 / __builtin_sqrtf(static_cast<float>(width));
  std::size_t at = 0;
  for (const auto& block : of.blocks) {
    for (std::size_t j = 0; j < block.rows; j += kLanes) {
      const float* keys = block.keys + cached_key(of.width, head * width, j);
      Vec total{};
      for (std::size_t k = 0; k < width; ++k) total += load(keys + k * 16) * query[k];
      const Ints inside = lane_numbers() < static_cast<std::int32_t>(block.rows - j);
      store(out + at + j, inside ? total * scale : splat(-3e38f));
    }
    at += block.rows;  // what follows overwrites the lanes behind the block
  }
  store(out + at, splat(-3e38f));
}

void attend_cached(const CachedAttention& of, float* out) {
  const std::size_t width = of.width / of.heads, rows = of.blocks[0].rows + of.blocks[1].rows;
  for (std::size_t head = 0; head < of.heads; ++head) {
    float* shares = of.scratch;
    scores_of(of, head, of.query + head * width, shares);
    Vec top = splat(-3e38f), total{};
    for (std::size_t j = 0; j < rows; j += kLanes) {
      const Vec s = load(shares + j);
      top = s > top ? s : top;
    }
    const float most = largest(top);
    for (std::size_t j = 0; j < rows; j += kLanes) {
      const Vec e = exponential(load(shares + j) - most);
      store(shares + j, e);
      total += e;
    }
    const float by = 1 / sum(total);
    for (std::size_t from = 0; from < width; from += kLanes) {
      Vec mixed[4] = {};
      const float* share = shares;
      for (const auto& block : of.blocks) {
        const float* values = block.values + head * width + from;
        std::size_t j = 0;
        for (; j + 4 <= block.rows; j += 4, values += 4 * block.values_stride)
          for (std::size_t r = 0; r < 4; ++r)
            mixed[r] += load(values + r * block.values_stride) * splat(share[j + r]);
        for (; j < block.rows; ++j, values += block.values_stride)
          mixed[0] += load(values) * splat(share[j]);
        share += block.rows;
      }
      const std::size_t left = width - from;
      store_part(out + head * width + from, ((mixed[0] + mixed[1]) + (mixed[2] + mixed[3])) * by,
                 left < kLanes ? left : kLanes);
    }
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
