// Keys and values that a decoder keeps of rows it has seen, so that a further row costs one row.
#pragma once

#include <vector>

#include "kernel/floats.h"

namespace cangong {

class DecoderCache {
 public:
  DecoderCache(std::size_t layers, std::size_t width) : width_(width), layers_(layers) {}

  std::size_t rows() const { return rows_; }
  void clear() { rows_ = 0; }
  // Makes room for one more row, which `put` then fills, layer by layer.
  void grow() {
    ++rows_;
    for (Layer& layer : layers_) {
      if (layer.values.size() >= rows_ * width_) continue;
      const std::size_t rows = (rows_ + rows_ / 2 + 15) / 16 * 16;
      layer.keys.resize(rows * width_), layer.values.resize(rows * width_);
    }
  }
  // `key_value`: the last row's key, then its value.
  void put(std::size_t layer, const float* key_value) {
    Layer& own = layers_[layer];
    const std::size_t at = cached_place(width_, 0, rows_ - 1);
    float *keys = own.keys.data() + at, *values = own.values.data() + at;
    for (std::size_t k = 0; k < width_; ++k)
      keys[k * 16] = key_value[k], values[k * 16] = key_value[width_ + k];
  }
  CachedAttention::Block block(std::size_t layer) const {
    return {layers_[layer].keys.data(), layers_[layer].values.data(), rows_};
  }

 private:
  struct Layer {
    Floats keys, values;
  };
  std::size_t width_, rows_ = 0;
  std::vector<Layer> layers_;
};

}  // namespace cangong
