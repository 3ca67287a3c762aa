// Vectors of CANGONG_LANES floats. Part of kernels_of.h.

constexpr std::size_t kLanes = CANGONG_LANES, kPanel = 2 * kLanes;
typedef float Vec __attribute__((vector_size(CANGONG_LANES * 4)));
typedef float LooseVec __attribute__((vector_size(CANGONG_LANES * 4), aligned(4), may_alias));
typedef std::int32_t Ints __attribute__((vector_size(CANGONG_LANES * 4)));
typedef std::uint32_t Words __attribute__((vector_size(CANGONG_LANES * 4)));

inline Vec load(const float* p) {
  return *reinterpret_cast<const LooseVec*>(p);
}
inline void store(float* p, Vec v) {
  *reinterpret_cast<LooseVec*>(p) = v;
}

#if CANGONG_LANES == 16
inline Vec splat(float x) {
  return _mm512_set1_ps(x);
}
inline float sum(Vec v) {
  return _mm512_reduce_add_ps(v);
}
inline float largest(Vec v) {
  return _mm512_reduce_max_ps(v);
}
inline Vec root(Vec v) {
  return _mm512_sqrt_ps(v);
}
inline Vec load_part(const float* p, std::size_t n) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
}
inline void store_part(float* p, Vec v, std::size_t n) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
}
// `count` times: parts of two vectors side by side, then added. Halves as many vectors.
inline void fold_singles(Vec* v, int count) {
  for (int i = 0; i < count; ++i) {
    const Vec a = v[2 * i], b = v[2 * i + 1];
    v[i] = _mm512_unpacklo_ps(a, b) + _mm512_unpackhi_ps(a, b);
  }
}
inline void fold_doubles(Vec* v, int count) {
  for (int i = 0; i < count; ++i) {
    const auto a = reinterpret_cast<__m512d>(v[2 * i]), b = reinterpret_cast<__m512d>(v[2 * i + 1]);
    v[i] = reinterpret_cast<Vec>(_mm512_unpacklo_pd(a, b)) +
           reinterpret_cast<Vec>(_mm512_unpackhi_pd(a, b));
  }
}
inline void fold_quarters(Vec* v, int count) {
  for (int i = 0; i < count; ++i) {
    const Vec a = v[2 * i], b = v[2 * i + 1];
    v[i] = _mm512_shuffle_f32x4(a, b, 0x88) + _mm512_shuffle_f32x4(a, b, 0xdd);
  }
}
#else
inline Vec splat(float x) {
  return _mm256_set1_ps(x);
}
inline float sum(Vec v) {
  float total = 0;
  for (std::size_t i = 0; i < kLanes; ++i) total += v[i];
  return total;
}
inline float largest(Vec v) {
  float top = v[0];
  for (std::size_t i = 1; i < kLanes; ++i) top = v[i] > top ? v[i] : top;
  return top;
}
inline Vec root(Vec v) {
  return _mm256_sqrt_ps(v);
}
inline __m256i part_mask(std::size_t n) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lane);
}
inline Vec load_part(const float* p, std::size_t n) {
  return _mm256_maskload_ps(p, part_mask(n));
}
inline void store_part(float* p, Vec v, std::size_t n) {
  _mm256_maskstore_ps(p, part_mask(n), v);
}
#endif

inline Ints lane_numbers() {
  Ints v;
  for (int i = 0; i < static_cast<int>(kLanes); ++i) v[i] = i;
  return v;
}

// Calls use(from, vector load, vector store) for whole vectors, then for the rest of `count`.
template <class Use>
inline void each_vector(std::size_t count, const Use& use) {
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    use(
        i, [](const float* p) { return load(p); }, [](float* p, Vec v) { store(p, v); });
  if (const std::size_t rest = count - i)
    use(
        i, [rest](const float* p) { return load_part(p, rest); },
        [rest](float* p, Vec v) { store_part(p, v, rest); });
}

// exp, to about 1 unit in the last place; 0 below -87 (Cephes' polynomial).
inline Vec exponential(Vec x) {
  const Vec low = splat(-87.3365f), high = splat(88.3762f);
  const Ints is_tiny = x < low;
  x = x < low ? low : x;
  x = x > high ? high : x;
  const Vec scaled = x * 1.44269504f;
  const Ints whole =
      __builtin_convertvector(scaled + (scaled < 0 ? splat(-.5f) : splat(.5f)), Ints);
  const Vec n = __builtin_convertvector(whole, Vec);
  const Vec r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  Vec p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const Vec power = reinterpret_cast<Vec>((whole + 127) << 23);
  return is_tiny ? Vec{} : p * power;
}
