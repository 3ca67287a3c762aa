// What is computed row by row and number by number. Part of kernels_of.h.

void normalise(const Norm& norm, float* out, float* stats) {
  const auto count = static_cast<float>(norm.width);
  const float* x = norm.x;
  for (std::size_t row = 0; row < norm.rows; ++row, x += norm.stride, out += norm.stride) {
    Vec total{}, squares{};
    each_vector(norm.width, [&](std::size_t i, auto in, auto) { total += in(x + i); });
    const float mean = sum(total) / count;
    each_vector(norm.width, [&](std::size_t i, auto in, auto) {
      const Vec off = in(x + i) - mean;
      const Ints inside = lane_numbers() < static_cast<std::int32_t>(norm.width - i);
      squares += inside ? off * off : Vec{};
    });
    const float by = 1 / __builtin_sqrtf(sum(squares) / count + 1e-5f);
    each_vector(norm.width, [&](std::size_t i, auto in, auto put) {
      put(out + i, (in(x + i) - mean) * by * in(norm.scale + i));
    });
    if (stats) stats[2 * row] = mean, stats[2 * row + 1] = by;
  }
}

void normalise_back(const Norm& norm, const float* stats, const float* d_out, float* d_x,
                    float* d_scale) {
  const auto count = static_cast<float>(norm.width);
  const float* x = norm.x;
  const std::size_t stride = norm.stride;
  for (std::size_t row = 0; row < norm.rows; ++row, x += stride, d_out += stride, d_x += stride) {
    const float mean = stats[2 * row], by = stats[2 * row + 1];
    Vec plain{}, turned{};
    each_vector(norm.width, [&](std::size_t i, auto in, auto put) {
      const Vec normal = (in(x + i) - mean) * by, d = in(d_out + i), part = d * in(norm.scale + i);
      put(d_scale + i, in(d_scale + i) + d * normal);
      plain += part, turned += part * normal;
    });
    const float mean_part = sum(plain) / count, mean_turned = sum(turned) / count;
    each_vector(norm.width, [&](std::size_t i, auto in, auto put) {
      const Vec normal = (in(x + i) - mean) * by, part = in(d_out + i) * in(norm.scale + i);
      put(d_x + i, in(d_x + i) + (part - mean_part - normal * mean_turned) * by);
    });
  }
}

constexpr float kGelu = 0.7978845608f, kCubic = 0.044715f;  // sqrt(2 / pi)

// tanh of what GELU bends by.
inline Vec bent(Vec x) {
  const Vec u = (x + x * x * x * kCubic) * kGelu;
  return 1.0f - 2.0f / (exponential(u + u) + 1.0f);
}

void gelu(const float* x, float* out, std::size_t count) {
  each_vector(count, [&](std::size_t i, auto in, auto put) {
    const Vec v = in(x + i);
    put(out + i, v * 0.5f * (1.0f + bent(v)));
  });
}

void gelu_back(const float* x, float* d, std::size_t count) {
  each_vector(count, [&](std::size_t i, auto in, auto put) {
    const Vec v = in(x + i), t = bent(v);
    const Vec inner = (1.0f + v * v * (3 * kCubic)) * kGelu;
    put(d + i, in(d + i) * (0.5f * (1.0f + t) + v * 0.5f * (1.0f - t * t) * inner));
  });
}

void add(float* to, const float* x, std::size_t count) {
  each_vector(count,
              [&](std::size_t i, auto in, auto put) { put(to + i, in(to + i) + in(x + i)); });
}

// What a place is multiplied with: 0 or 1 / (1 - rate). The hash is MurmurHash3's finaliser.
struct Keep {
  explicit Keep(Dropout dropout)
      : least(static_cast<std::uint32_t>(dropout.rate * 4294967296.0)),
        by(1 / (1 - dropout.rate)),
        seed(dropout.seed) {}
  Vec at(std::size_t place) const {
    Words h =
        (reinterpret_cast<Words>(lane_numbers()) + static_cast<std::uint32_t>(place)) * 0x9e3779b1u;
    h ^= seed;
    h ^= h >> 16, h *= 0x85ebca6bu, h ^= h >> 13, h *= 0xc2b2ae35u, h ^= h >> 16;
    return h >= least ? splat(by) : Vec{};
  }
  std::uint32_t least;
  float by;
  std::uint32_t seed;
};

void drop(float* x, std::size_t count, Dropout dropout) {
  if (dropout.rate == 0) return;
  const Keep keep(dropout);
  each_vector(count, [&](std::size_t i, auto in, auto put) { put(x + i, in(x + i) * keep.at(i)); });
}

float softmax(float* x, std::size_t count) {
  Vec top = splat(x[0]);
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const Vec v = load(x + i);
    top = v > top ? v : top;
  }
  float most = largest(top);
  for (; i < count; ++i) most = x[i] > most ? x[i] : most;
  Vec total{};
  each_vector(count, [&](std::size_t at, auto in, auto put) {
    const Ints inside = lane_numbers() < static_cast<std::int32_t>(count - at);
    const Vec e = inside ? exponential(in(x + at) - most) : Vec{};
    put(x + at, e);
    total += e;
  });
  const float all = sum(total), by = 1 / all;
  each_vector(count, [&](std::size_t at, auto in, auto put) { put(x + at, in(x + at) * by); });
  return most + __builtin_logf(all);
}

double sum_of_squares(const float* x, std::size_t count) {
  double total = 0;
  constexpr std::size_t kBlock = 4096;
  for (std::size_t from = 0; from < count; from += kBlock) {
    Vec part{};
    const std::size_t size = count - from < kBlock ? count - from : kBlock;
    each_vector(size, [&](std::size_t i, auto in, auto) {
      const Vec v = in(x + from + i);
      part += v * v;
    });
    total += sum(part);
  }
  return total;
}

void adam(const AdamStep& step, const float* gradient, float* weight, float* mean, float* square,
          std::size_t count) {
  const auto power = [](double base, std::size_t n) {
    double result = 1;
    for (; n; n >>= 1, base *= base)
      if (n & 1) result *= base;
    return result;
  };
  const double first = 1 - power(step.beta1, step.step), second = 1 - power(step.beta2, step.step);
  const auto b1 = static_cast<float>(step.beta1), b2 = static_cast<float>(step.beta2);
  const auto shrink = static_cast<float>(1 - step.rate * step.decay);
  const auto size = static_cast<float>(step.rate / first);
  const auto by = static_cast<float>(1 / __builtin_sqrt(second));
  const auto epsilon = static_cast<float>(step.epsilon);
  each_vector(count, [&](std::size_t i, auto in, auto put) {
    const Vec g = in(gradient + i) * step.gradient_scale;
    const Vec m = in(mean + i) * b1 + g * (1 - b1), s = in(square + i) * b2 + g * g * (1 - b2);
    put(mean + i, m), put(square + i, s);
    put(weight + i, in(weight + i) * shrink - m * size / (root(s) * by + epsilon));
  });
}
