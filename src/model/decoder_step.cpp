#include "model/decoder_step.h"

#include "base/error.h"

namespace cangong {

DecoderStep::DecoderStep(const DecoderWeights& weights)
    : weights_(weights), width_(weights.shape().width), stride_(row_stride(width_)) {}

Rows2D DecoderStep::view(Floats& floats, std::size_t rows, std::size_t columns) const {
  floats.resize(std::max(floats.size(), rows * row_stride(columns)));
  return {floats.data(), rows, row_stride(columns)};
}

void DecoderStep::embed(std::span<const Row> rows) {
  ids_.clear(), days_.clear();
  for (const Row& row : rows) {
    ids_.push_back(row.id), days_.push_back(row.days);
    row.own->grow();
  }
  embed_rows(weights_, {ids_, days_}, view(phases_, rows.size(), width_),
             view(x_, rows.size(), width_));
}

void DecoderStep::attend(std::span<const Row> rows, std::size_t layer) {
  const std::size_t wide = row_stride(3 * width_);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const float* qkv = qkv_.data() + i * wide;
    rows[i].own->put(layer, qkv + width_);
    CachedAttention attention{};
    attention.kept = rows[i].own->kept();
    ensure(!rows[i].shared || rows[i].shared->kept() == attention.kept, "kept alike");
    attention.query = qkv, attention.width = width_, attention.heads = weights_.shape().heads;
    if (rows[i].shared) attention.blocks[0] = rows[i].shared->block(layer);
    attention.blocks[1] = rows[i].own->block(layer);
    const std::size_t seen = attention.blocks[0].rows + attention.blocks[1].rows;
    scratch_.resize(std::max(scratch_.size(), cached_scratch(seen)));
    attention.scratch = scratch_.data();
    kernels().attend_cached(attention, mixed_.data() + i * stride_);
  }
}

const float* DecoderStep::advance(std::span<const Row> rows) {
  const std::size_t count = rows.size();
  embed(rows);
  const Rows2D x = view(x_, count, width_), normal = view(normal_, count, width_);
  const Rows2D mixed = view(mixed_, count, width_), inner = view(inner_, count, 4 * width_);
  const auto product = [&](const Rows2D& from, std::size_t weight, const Rows2D& to,
                           MatrixProduct::Into into = MatrixProduct::Into::set) {
    multiply(weights_, from, weight, to, scratch_, into);
  };
  const auto normalise = [&](std::size_t weight) {
    kernels().normalise({x.at, weights_.at(weight), count, width_, stride_}, normal.at, nullptr);
  };
  for (std::size_t layer = 0; layer < weights_.shape().layers; ++layer) {
    const auto own = weights_.layer(layer);
    normalise(own.norm1);
    product(normal, own.qkv, view(qkv_, count, 3 * width_));
    attend(rows, layer);
    product(mixed, own.projection, x, MatrixProduct::Into::add);
    normalise(own.norm2);
    product(normal, own.up, inner);
    kernels().gelu(inner.at, inner.at, count * inner.stride);
    product(inner, own.down, x, MatrixProduct::Into::add);
  }
  normalise(weights_.last_norm());
  const Rows2D logits = view(logits_, count, weights_.shape().vocabulary);
  product(normal, weights_.embedding(), logits);
  return logits.at;
}

}  // namespace cangong
