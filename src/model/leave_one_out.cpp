#include "model/leave_one_out.h"

#include <map>
#include <numeric>

#include "base/error.h"
#include "base/parallel.h"
#include "model/decoder_pass.h"

namespace cangong {
namespace {

// Of one thread. Rows that were written stay wrong for what comes before them: events are left out
// from the last to the first.
class Suffix {
 public:
  Suffix(const DecoderWeights& weights, const DecoderInput& history, const DecoderPass& whole)
      : weights_(weights),
        history_(history),
        width_(weights.shape().width),
        stride_(row_stride(width_)),
        wide_(row_stride(3 * width_)),
        rows_(history.ids.size() - 1),
        until_(rows_) {
    std::iota(until_.begin(), until_.end(), 1u);
    for (std::size_t layer = 0; layer < weights.shape().layers; ++layer) {
      qkv_.emplace_back(rows_ * wide_);
      std::copy_n(whole.layer_qkv(layer).data(), rows_ * wide_, qkv_.back().data());
    }
    ever_had_.resize(width_);
    for (Floats* one : {&phases_, &x_, &normal_, &mixed_}) one->resize((rows_ + 1) * stride_);
    inner_.resize(rows_ * row_stride(4 * width_));
    logits_.resize(row_stride(weights.shape().vocabulary));
    if (weights.shape().additive)
      for (const std::int32_t id : history.ids)
        if (times_[id]++ == 0) kernels().add(ever_had_.data(), weights.additive_of(id), width_);
  }

  const float* logits_without(std::size_t event) {
    const std::size_t count = rows_ - event;  // rows behind it
    const auto from = [&](Floats& all, std::size_t stride) {
      return Rows2D{all.data() + event * stride, count, stride};
    };
    const Rows2D x = from(x_, stride_), normal = from(normal_, stride_),
                 mixed = from(mixed_, stride_), inner = from(inner_, row_stride(4 * width_));
    embed_rows(weights_, {history_.ids.subspan(event + 1), history_.days.subspan(event + 1)},
               from(phases_, stride_), x);
    const auto product = [&](const Rows2D& a, std::size_t weight, const Rows2D& out,
                             MatrixProduct::Into into = MatrixProduct::Into::set) {
      multiply(a, weights_.forward(weight), out, into);
    };
    const auto normalise = [&](const Rows2D& rows, std::size_t weight, const Rows2D& out) {
      kernels().normalise({rows.at, weights_.at(weight), rows.rows, width_, stride_}, out.at,
                          nullptr);
    };
    for (std::size_t layer = 0; layer < qkv_.size(); ++layer) {
      const auto own = weights_.layer(layer);
      normalise(x, own.norm1, normal);
      product(normal, own.qkv, from(qkv_[layer], wide_));
      attend(layer, event);
      product(mixed, own.projection, x, MatrixProduct::Into::add);
      normalise(x, own.norm2, normal);
      product(normal, own.up, inner);
      kernels().gelu(inner.at, inner.at, count * inner.stride);
      product(inner, own.down, x, MatrixProduct::Into::add);
    }
    const Rows2D last{x_.data() + (rows_ - 1) * stride_, 1, stride_};
    normalise(last, weights_.last_norm(), {normal_.data(), 1, stride_});
    if (weights_.shape().additive) {
      const std::int32_t id = history_.ids[event];
      kernels().add(normal_.data(), ever_had_.data(), width_);
      if (times_[id] == 1)
        for (std::size_t k = 0; k < width_; ++k) normal_[k] -= weights_.additive_of(id)[k];
    }
    product({normal_.data(), 1, stride_}, weights_.embedding(),
            {logits_.data(), 1, logits_.size()});
    return logits_.data();
  }

 private:
  void attend(std::size_t layer, std::size_t first) {
    const std::size_t heads = weights_.shape().heads;
    shares_.resize(std::max(shares_.size(), attention_scratch(rows_, width_ / heads)));
    Attention attention{qkv_[layer].data(), rows_, width_,         heads, wide_, stride_,
                        until_.data(),      {},    shares_.data(), first};
    kernels().attend(attention, mixed_.data());
  }

  const DecoderWeights& weights_;
  DecoderInput history_;
  std::size_t width_, stride_, wide_, rows_;
  std::vector<std::uint32_t> until_;
  std::vector<Floats> qkv_;  // by layer, of all rows
  Floats phases_, x_, normal_, mixed_, inner_, logits_, shares_, ever_had_;
  std::map<std::int32_t, std::size_t> times_;  // how often an event is in the history
};

}  // namespace

void leave_one_out(const DecoderWeights& weights, const DecoderInput& history,
                   std::span<const std::size_t> without, std::size_t threads,
                   const std::function<void(std::size_t, const float*)>& use) {
  if (without.empty()) return;
  ensure(std::is_sorted(without.begin(), without.end()) && without.back() + 1 < history.ids.size(),
         "places of a history, but for its last");
  const DecoderRows rows = decoder_rows({history.ids.begin(), history.ids.end()},
                                        {history.days.begin(), history.days.end()});
  DecoderPass whole(weights);
  whole.forward({rows, 0, 1});
  const std::size_t count = std::clamp<std::size_t>(without.size() / 4, 1, threads);
  parallel_for(count, threads, [&](std::size_t thread) {
    Suffix suffix(weights, history, whole);
    for (std::size_t k = without.size(); k-- > 0;)
      if (k % count == thread) use(without[k], suffix.logits_without(without[k]));
  });
}

}  // namespace cangong
