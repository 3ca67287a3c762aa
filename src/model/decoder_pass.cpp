#include "model/decoder_pass.h"

#include <cmath>

#include "base/error.h"

namespace cangong {
namespace {

// Where numbers are dropped, within a layer.
enum Site : std::uint32_t { kShares = 1, kProjection = 2, kDown = 3, kEmbedding = 4 };

std::uint32_t mixed_seed(std::uint32_t seed, std::uint32_t number) {
  std::uint64_t z = (std::uint64_t{seed} << 32 | number) + 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return static_cast<std::uint32_t>(z >> 32);
}

}  // namespace

DecoderPass::DecoderPass(const DecoderWeights& weights)
    : weights_(weights),
      kernels_(kernels()),
      width_(weights.shape().width),
      stride_(row_stride(width_)),
      layers_(weights.shape().layers) {
  ensure(width_ % weights.shape().heads == 0, "heads share the width evenly");
}

Rows2D DecoderPass::view(Floats& floats, std::size_t columns) const {
  floats.resize(rows_ * row_stride(columns));
  return {floats.data(), rows_, row_stride(columns)};
}

Dropout DecoderPass::drop_of(std::size_t layer, std::uint32_t site) const {
  return {dropout_.rate, mixed_seed(dropout_.seed, static_cast<std::uint32_t>(layer * 8 + site))};
}

void DecoderPass::dropped(Floats& x, std::size_t layer, std::uint32_t site) {
  kernels_.drop(x.data(), rows_ * stride_, drop_of(layer, site));
}

void DecoderPass::add_rows(Floats& to, const Floats& x) {
  kernels_.add(to.data(), x.data(), rows_ * stride_);
}

void DecoderPass::embed(const DecoderPart& part) {
  const auto own = [&](const auto& all) { return std::span(all).subspan(part.begin(), rows_); };
  embed_rows(weights_, {own(part.rows.ids), own(part.rows.days)}, view(phases_, width_),
             view(x_, width_));
  dropped(x_, weights_.shape().layers, kEmbedding);
}

// Forward, or back from what `d_mixed` says.
void DecoderPass::attend(const DecoderPart& part, std::size_t number, const Floats* d_mixed) {
  Layer& layer = layers_[number];
  const std::size_t heads = weights_.shape().heads, wide = row_stride(3 * width_);
  const Dropout dropout = drop_of(number, kShares);
  for (std::size_t person = part.first; person < part.last; ++person) {
    const std::size_t from = part.rows.starts[person] - part.begin();
    const std::size_t rows = part.rows.starts[person + 1] - part.rows.starts[person];
    scratch_.resize(std::max(scratch_.size(), attention_scratch(rows, width_ / heads)));
    const Attention attention{
        layer.qkv.data() + from * wide,
        rows,
        width_,
        heads,
        wide,
        stride_,
        part.rows.until.data() + part.rows.starts[person],
        {dropout.rate, mixed_seed(dropout.seed, static_cast<std::uint32_t>(person - part.first))},
        scratch_.data()};
    if (d_mixed)
      kernels_.attend_back(attention, d_mixed->data() + from * stride_,
                           d_qkv_.data() + from * wide);
    else
      kernels_.attend(attention, layer.mixed.data() + from * stride_);
  }
}

void DecoderPass::layer_forward(const DecoderPart& part, std::size_t number) {
  Layer& layer = layers_[number];
  const auto own = weights_.layer(number);
  layer.stats1.resize(2 * rows_), layer.stats2.resize(2 * rows_);
  layer.x.resize(rows_ * stride_), layer.middle.resize(rows_ * stride_);
  std::copy_n(x_.data(), rows_ * stride_, layer.x.data());
  const Rows2D normal1 = view(layer.normal1, width_), normal2 = view(layer.normal2, width_);
  const Rows2D mixed = view(layer.mixed, width_), out = view(part_, width_);
  kernels_.normalise({layer.x.data(), weights_.at(own.norm1), rows_, width_, stride_}, normal1.at,
                     layer.stats1.data());
  multiply(normal1, weights_.forward(own.qkv), view(layer.qkv, 3 * width_));
  attend(part, number, nullptr);
  multiply(mixed, weights_.forward(own.projection), out);
  dropped(part_, number, kProjection);
  add_rows(x_, part_);
  std::copy_n(x_.data(), rows_ * stride_, layer.middle.data());
  kernels_.normalise({layer.middle.data(), weights_.at(own.norm2), rows_, width_, stride_},
                     normal2.at, layer.stats2.data());
  const Rows2D inner = view(layer.inner, 4 * width_), bent = view(layer.bent, 4 * width_);
  multiply(normal2, weights_.forward(own.up), inner);
  kernels_.gelu(inner.at, bent.at, rows_ * inner.stride);
  multiply(bent, weights_.forward(own.down), out);
  dropped(part_, number, kDown);
  add_rows(x_, part_);
}

void DecoderPass::forward(const DecoderPart& part, Dropout dropout) {
  rows_ = part.count(), dropout_ = dropout;
  embed(part);
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) layer_forward(part, layer);
  const Rows2D normal = view(last_normal_, width_);
  last_stats_.resize(2 * rows_);
  kernels_.normalise({x_.data(), weights_.at(weights_.last_norm()), rows_, width_, stride_},
                     normal.at, last_stats_.data());
  if (weights_.shape().additive) ever_had_.add(weights_, part, normal);
}

const Floats& DecoderPass::logits(const DecoderPart& part) {
  ensure(part.count() == rows_, "the part that forward saw");
  multiply(view(last_normal_, width_), weights_.forward(weights_.embedding()),
           view(logits_, weights_.shape().vocabulary));
  return logits_;
}

const Floats& DecoderPass::logits_at_ends(const DecoderPart& part) {
  ensure(part.count() == rows_, "the part that forward saw");
  const std::size_t people = part.last - part.first, wide = row_stride(weights_.shape().vocabulary);
  targets_.resize(people * stride_), logits_.resize(people * wide);
  for (std::size_t i = 0; i < people; ++i)
    std::copy_n(
        last_normal_.data() + (part.rows.starts[part.first + i + 1] - 1 - part.begin()) * stride_,
        width_, targets_.data() + i * stride_);
  multiply({targets_.data(), people, stride_}, weights_.forward(weights_.embedding()),
           {logits_.data(), people, wide});
  return logits_;
}

void DecoderPass::last_logits(float* out) {
  multiply({last_normal_.data() + (rows_ - 1) * stride_, 1, stride_},
           weights_.forward(weights_.embedding()), {out, 1, weights_.shape().vocabulary});
}

void DecoderPass::keep(const DecoderPart& part, DecoderCache& cache) const {
  ensure(part.count() == rows_ && part.last == part.first + 1, "the person that forward saw");
  cache.clear();
  const std::size_t wide = row_stride(3 * width_);
  for (std::size_t row = 0; row < rows_; ++row) {
    cache.grow();
    if (weights_.shape().additive) {
      const std::int32_t id = part.rows.ids[part.begin() + row];
      cache.remember(id, nullptr, {weights_.additive_of(id), width_});
    }
    for (std::size_t layer = 0; layer < layers_.size(); ++layer)
      cache.put(layer, layers_[layer].qkv.data() + row * wide + width_);
  }
}

DecoderLoss DecoderPass::loss(const DecoderPart& part, const DecoderAim& aim) {
  const std::size_t vocabulary = weights_.shape().vocabulary, wide = row_stride(vocabulary);
  const auto& targets = part.rows.targets;
  const auto below = [](const DecoderRows::Target& t, std::size_t row) { return t.row < row; };
  const auto from = std::lower_bound(targets.begin(), targets.end(), part.begin(), below);
  const auto end = std::lower_bound(from, targets.end(), part.begin() + rows_, below);
  const auto count = static_cast<std::size_t>(end - from);
  targets_.resize(count * stride_), logits_.resize(count * wide);
  target_rows_.clear();
  for (auto target = from; target != end; ++target) {
    const std::size_t row = target->row - part.begin();
    std::copy_n(last_normal_.data() + row * stride_, width_,
                targets_.data() + target_rows_.size() * stride_);
    target_rows_.push_back(static_cast<std::uint32_t>(row));
  }
  multiply({targets_.data(), count, stride_}, weights_.forward(weights_.embedding()),
           {logits_.data(), count, wide});
  DecoderLoss loss;
  const auto first = static_cast<std::size_t>(aim.first_id);
  for (std::size_t i = 0; i < count; ++i) {
    float* own = logits_.data() + i * wide;
    const DecoderRows::Target& target = *(from + static_cast<std::ptrdiff_t>(i));
    const double happened = target.is_event(), of_next = own[target.next];
    std::fill_n(own, first, 0.0f);
    const double log_sum = kernels_.softmax(own + first, vocabulary - first);
    const double slowed = std::exp(-log_sum) + aim.least_wait, rate = 1 / slowed;
    const double waited = rate * (target.wait + happened * aim.least_wait);
    loss.waiting += waited;
    if (target.is_event()) {
      ++loss.targets;
      loss.cross_entropy += log_sum - of_next, loss.waiting += std::log(slowed);
    }
    // The derivatives by the logits: shares times that by the logarithm of the sum, less the
    // target.
    const auto by_sum =
        static_cast<float>(happened + (waited - happened) * std::exp(-log_sum) * rate);
    for (std::size_t id = first; id < vocabulary; ++id) own[id] *= by_sum;
    if (target.is_event()) own[target.next] -= 1;
  }
  return loss;
}

void DecoderPass::weight_back(const Rows2D& d_out, const Rows2D& x, std::size_t weight,
                              float* gradient) {
  const auto& [name, rows, columns] = weights_.about(weight);
  turned_.resize(std::max(turned_.size(), turned_scratch(rows, columns)));
  kernels_.multiply_turned({d_out.at, d_out.stride, rows, x.at, x.stride, columns,
                            gradient + weights_.offset(weight), columns, d_out.rows,
                            turned_.data()});
}

void DecoderPass::layer_back(const DecoderPart& part, std::size_t number, float* gradient) {
  Layer& layer = layers_[number];
  const auto own = weights_.layer(number);
  const Rows2D d_out = view(d_part_, width_), d_normal = view(d_normal_, width_);
  const Rows2D d_inner = view(d_inner_, 4 * width_), d_qkv = view(d_qkv_, 3 * width_);
  std::copy_n(d_x_.data(), rows_ * stride_, d_out.at);
  dropped(d_part_, number, kDown);
  multiply(d_out, weights_.back(own.down), d_inner);
  weight_back(d_out, view(layer.bent, 4 * width_), own.down, gradient);
  kernels_.gelu_back(layer.inner.data(), d_inner.at, rows_ * d_inner.stride);
  multiply(d_inner, weights_.back(own.up), d_normal);
  weight_back(d_inner, view(layer.normal2, width_), own.up, gradient);
  kernels_.normalise_back({layer.middle.data(), weights_.at(own.norm2), rows_, width_, stride_},
                          layer.stats2.data(), d_normal.at, d_x_.data(),
                          gradient + weights_.offset(own.norm2));
  std::copy_n(d_x_.data(), rows_ * stride_, d_out.at);
  dropped(d_part_, number, kProjection);
  weight_back(d_out, view(layer.mixed, width_), own.projection, gradient);
  multiply(d_out, weights_.back(own.projection), d_normal);
  attend(part, number, &d_normal_);
  multiply(d_qkv, weights_.back(own.qkv), d_normal);
  weight_back(d_qkv, view(layer.normal1, width_), own.qkv, gradient);
  kernels_.normalise_back({layer.x.data(), weights_.at(own.norm1), rows_, width_, stride_},
                          layer.stats1.data(), d_normal.at, d_x_.data(),
                          gradient + weights_.offset(own.norm1));
}

void DecoderPass::embed_back(const DecoderPart& part, float* gradient) {
  dropped(d_x_, weights_.shape().layers, kEmbedding);
  float* table = gradient + weights_.offset(weights_.embedding());
  for (std::size_t row = 0; row < rows_; ++row)
    kernels_.add(table + static_cast<std::size_t>(part.rows.ids[part.begin() + row]) * width_,
                 d_x_.data() + row * stride_, width_);
  weight_back({d_x_.data(), rows_, stride_}, view(phases_, width_), weights_.ages(), gradient);
}

void DecoderPass::backward(const DecoderPart& part, float scale, float* gradient) {
  const std::size_t wide = row_stride(weights_.shape().vocabulary), count = target_rows_.size();
  for (std::size_t i = 0; i < count * wide; ++i) logits_[i] *= scale;
  d_targets_.resize(count * stride_);
  const Rows2D d_logits{logits_.data(), count, wide}, targets{targets_.data(), count, stride_};
  multiply(d_logits, weights_.back(weights_.embedding()), {d_targets_.data(), count, stride_});
  weight_back(d_logits, targets, weights_.embedding(), gradient);
  const Rows2D d_normal = view(d_normal_, width_);
  view(d_x_, width_);
  d_normal_.clear(), d_x_.clear();
  for (std::size_t i = 0; i < count; ++i)
    std::copy_n(d_targets_.data() + i * stride_, width_, d_normal.at + target_rows_[i] * stride_);
  if (weights_.shape().additive) ever_had_.back(weights_, part, d_normal, gradient);
  kernels_.normalise_back({x_.data(), weights_.at(weights_.last_norm()), rows_, width_, stride_},
                          last_stats_.data(), d_normal.at, d_x_.data(),
                          gradient + weights_.offset(weights_.last_norm()));
  for (std::size_t layer = layers_.size(); layer-- > 0;) layer_back(part, layer, gradient);
  embed_back(part, gradient);
}

}  // namespace cangong
