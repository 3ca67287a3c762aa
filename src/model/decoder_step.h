// One further row of each of several sequences, by what was kept of those before.
#pragma once

#include <span>

#include "model/decoder_cache.h"
#include "model/decoder_weights.h"

namespace cangong {

// Working memory of one thread.
class DecoderStep {
 public:
  struct Row {
    std::int32_t id;
    float days;                  // the age
    const DecoderCache* shared;  // what was before `own`; may be null
    DecoderCache* own;           // the row is added to it
  };

  explicit DecoderStep(const DecoderWeights& weights);
  // Logits of what follows each row: rows x logit_stride(). The same numbers whichever rows are
  // computed together. What is kept of rows has the weights' format.
  const float* advance(std::span<const Row> rows);
  std::size_t logit_stride() const { return row_stride(weights_.shape().vocabulary); }

 private:
  void embed(std::span<const Row> rows);
  static std::span<const Row> first_group(std::span<const Row> rows);
  void attend(std::span<const Row> rows, std::size_t layer);
  void look_ahead(std::span<const Row> group, std::size_t layer);
  // Rows of one beginning, the first of them at `first` of all.
  void attend_together(std::span<const Row> rows, std::size_t layer, std::size_t first);
  Rows2D view(Floats& floats, std::size_t rows, std::size_t columns) const;

  const DecoderWeights& weights_;
  std::size_t width_, stride_;
  std::vector<std::int32_t> ids_;
  std::vector<float> days_;
  std::vector<const std::uint32_t*> ahead_;
  Floats phases_, x_, normal_, qkv_, mixed_, part_, inner_, logits_, scratch_;
};

}  // namespace cangong
