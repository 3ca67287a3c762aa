// Keys and values that a decoder keeps of rows it has seen, so that a further row costs one row.
#pragma once

#include <bit>
#include <vector>

#include "kernel/floats.h"

namespace cangong {

class DecoderCache {
 public:
  // In bfloat16 the heads' width is even.
  DecoderCache(std::size_t layers, std::size_t width, FloatFormat kept = FloatFormat::float32)
      : width_(width),
        words_(kept == FloatFormat::bfloat16 ? width / 2 : width),
        kept_(kept),
        layers_(layers) {}

  FloatFormat kept() const { return kept_; }
  std::size_t rows() const { return rows_; }
  void clear() { rows_ = 0; }
  // Makes room for one more row, which `put` then fills, layer by layer.
  void grow() {
    ++rows_;
    for (Layer& layer : layers_) {
      if (layer.values.size() >= rows_ * words_) continue;
      const std::size_t rows = (rows_ + rows_ / 2 + 15) / 16 * 16;
      layer.keys.resize(rows * words_), layer.values.resize(rows * words_);
    }
  }
  // `key_value`: the last row's key, then its value.
  void put(std::size_t layer, const float* key_value) {
    Layer& own = layers_[layer];
    const std::size_t at = cached_place(words_, 0, rows_ - 1);
    write(key_value, own.keys.data() + at);
    write(key_value + width_, own.values.data() + at);
  }
  CachedAttention::Block block(std::size_t layer) const {
    return {layers_[layer].keys.data(), layers_[layer].values.data(), rows_};
  }

 private:
  struct Layer {
    PackedWords keys, values;
  };
  void write(const float* x, std::uint32_t* to) const {
    if (kept_ == FloatFormat::bfloat16)
      for (std::size_t w = 0; w < words_; ++w) to[w * 16] = halves_of(x[2 * w], x[2 * w + 1]);
    else
      for (std::size_t k = 0; k < width_; ++k) to[k * 16] = std::bit_cast<std::uint32_t>(x[k]);
  }

  std::size_t width_, words_, rows_ = 0;
  FloatFormat kept_;
  std::vector<Layer> layers_;
};

}  // namespace cangong
