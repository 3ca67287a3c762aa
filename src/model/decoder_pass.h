// The fast forward and backward pass of a decoder (model/delphi_network.h is the plain one), over
// some people's rows at a time.
#pragma once

#include <span>

#include "model/decoder_additive.h"
#include "model/decoder_cache.h"
#include "model/decoder_rows.h"
#include "model/decoder_weights.h"

namespace cangong {

struct DecoderLoss {
  double cross_entropy = 0, waiting = 0;  // sums over the targets
  std::size_t targets = 0;                // that are events
};

// How a loss is told.
struct DecoderAim {
  std::int32_t first_id = 0;             // ids before it are not possible
  double least_wait = kDelphiLeastWait;  // days: the mean is not below it
};

// Working memory of one thread, kept from part to part.
class DecoderPass {
 public:
  explicit DecoderPass(const DecoderWeights& weights);

  // rate 0: as when answers are asked for.
  void forward(const DecoderPart& part, Dropout dropout = {});
  // Of what `forward` saw.
  DecoderLoss loss(const DecoderPart& part, const DecoderAim& aim);
  // Adds the gradients of (cross_entropy + waiting) * scale to `gradient`, laid out as the weights.
  // Behind `loss`, which says what the derivatives at its end are.
  void backward(const DecoderPart& part, float scale, float* gradient);
  // Behind `forward`: of all ids, by the row.
  const Floats& logits(const DecoderPart& part);
  // Of each person's last row.
  const Floats& logits_at_ends(const DecoderPart& part);
  // Of the last row alone: as many as the vocabulary has ids.
  void last_logits(float* out);
  // Of the last row alone: the numbers that its logits are made of, as many as the model is wide.
  std::span<const float> last_state() const {
    return {last_normal_.data() + (rows_ - 1) * stride_, width_};
  }
  // Queries, keys and values of a layer, row_stride(3 * width) floats a row.
  const Floats& layer_qkv(std::size_t layer) const { return layers_[layer].qkv; }
  // Behind `forward` of a single person: what later rows look back at.
  void keep(const DecoderPart& part, DecoderCache& cache) const;

 private:
  struct Layer {
    Floats x, normal1, stats1, qkv, mixed, middle, normal2, stats2, inner, bent;
  };

  Rows2D view(Floats& floats, std::size_t columns) const;
  Dropout drop_of(std::size_t layer, std::uint32_t site) const;
  void dropped(Floats& x, std::size_t layer, std::uint32_t site);
  void embed(const DecoderPart& part);
  void attend(const DecoderPart& part, std::size_t layer, const Floats* d_mixed);
  void layer_forward(const DecoderPart& part, std::size_t layer);
  void layer_back(const DecoderPart& part, std::size_t layer, float* gradient);
  void embed_back(const DecoderPart& part, float* gradient);
  void weight_back(const Rows2D& d_out, const Rows2D& x, std::size_t weight, float* gradient);
  void add_rows(Floats& to, const Floats& x);

  const DecoderWeights& weights_;
  const Kernels& kernels_;
  std::size_t width_, stride_, rows_ = 0;
  Dropout dropout_;
  std::vector<Layer> layers_;
  Floats phases_, x_, part_, last_normal_, last_stats_, targets_, logits_;
  Floats d_x_, d_part_, d_normal_, d_inner_, d_qkv_, d_targets_, scratch_, turned_;
  std::vector<std::uint32_t> target_rows_;
  EverHad ever_had_;
};

}  // namespace cangong
