// Keys and values that a decoder keeps of rows it has seen, so that a further row costs one row.
#pragma once

#include <span>
#include <vector>

#include "kernel/cached_page.h"
#include "kernel/floats.h"

namespace cangong {

// Sixteen rows to a page, which has those of all layers; pages stay when it is cleared.
class DecoderCache {
 public:
  // In bfloat16 the heads' width is even.
  DecoderCache(std::size_t layers, std::size_t width, FloatFormat kept = FloatFormat::float32)
      : layers_(layers), width_(width), words_(page_words(kept, width)), kept_(kept) {}

  FloatFormat kept() const { return kept_; }
  std::size_t rows() const { return rows_; }
  void clear() {
    rows_ = 0;
    has_.clear(), ever_had_.clear();
  }
  // Makes room for one more row, which `put` then fills, layer by layer.
  void grow() {
    if (++rows_ <= pages_.size() * kPageRows) return;
    pages_.emplace_back(layers_ * 2 * words_);
    at_.push_back(pages_.back().data());
  }
  // `key_value`: the last row's key, then its value.
  void put(std::size_t layer, const float* key_value) {
    const std::size_t row = (rows_ - 1) % kPageRows;
    std::uint32_t* keys = pages_[(rows_ - 1) / kPageRows].data() + layer * 2 * words_;
    write_key(kept_, width_, row, key_value, keys);
    write_value(kept_, width_, row, key_value + width_, keys + words_);
  }
  CachedAttention::Block block(std::size_t layer) const {
    return {at_.data(), layer * 2 * words_, layer * 2 * words_ + words_, rows_};
  }
  // Adds an event's vector to what was ever had, unless it was had here or `before`.
  void remember(std::int32_t id, const DecoderCache* before, std::span<const float> vector) {
    const auto place = static_cast<std::size_t>(id);
    if (has(place) || (before && before->has(place))) return;
    if (has_.size() <= place) has_.resize(place + 1);
    has_[place] = true;
    ever_had_.resize(vector.size());
    kernels().add(ever_had_.data(), vector.data(), vector.size());
  }
  // Of as many numbers as vectors have, or none.
  const Floats& ever_had() const { return ever_had_; }
  // What is read of a layer.
  std::size_t pages() const { return (rows_ + kPageRows - 1) / kPageRows; }
  std::size_t layer_words() const { return 2 * words_; }  // of a page
  const std::uint32_t* of_page(std::size_t page, std::size_t layer) const {
    return at_[page] + layer * layer_words();
  }

 private:
  bool has(std::size_t id) const { return id < has_.size() && has_[id]; }

  std::size_t layers_, width_, words_, rows_ = 0;
  FloatFormat kept_;
  std::vector<PackedWords> pages_;
  std::vector<const std::uint32_t*> at_;
  std::vector<bool> has_;  // by id
  Floats ever_had_;
};

}  // namespace cangong
