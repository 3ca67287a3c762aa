#include "model/decoder_step.h"

#include "base/error.h"

namespace cangong {
namespace {

// Too long for the second cache: it streams.
bool is_long(const DecoderCache& cache) {
  constexpr std::size_t kWords = std::size_t{1} << 16;
  return cache.pages() * cache.layer_words() > kWords;
}

}  // namespace

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
    if (weights_.shape().additive)
      row.own->remember(row.id, row.shared, {weights_.additive_of(row.id), width_});
  }
  embed_rows(weights_, {ids_, days_}, view(phases_, rows.size(), width_),
             view(x_, rows.size(), width_));
}

// Rows that are taken together: while one group is computed the next one's memory is fetched, and
// both have to fit into the second cache. A long beginning is read once for as many as may be.
std::span<const DecoderStep::Row> DecoderStep::first_group(std::span<const Row> rows) {
  if (rows.empty()) return rows;
  constexpr std::size_t kFew = 4;
  const DecoderCache* shared = rows.front().shared;
  const std::size_t most = shared && is_long(*shared) ? kMostAttending : kFew;
  std::size_t count = 1;
  while (count < std::min(most, rows.size()) && rows[count].shared == shared) ++count;
  return rows.first(count);
}

void DecoderStep::attend(std::span<const Row> rows, std::size_t layer) {
  const std::size_t wide = row_stride(3 * width_);
  auto group = first_group(rows);
  for (std::size_t first = 0; first < rows.size();) {
    for (std::size_t i = 0; i < group.size(); ++i)
      group[i].own->put(layer, qkv_.data() + (first + i) * wide + width_);
    const auto next = first_group(rows.subspan(first + group.size()));
    look_ahead(next, layer);
    attend_together(group, layer, first);
    first += group.size(), group = next;
  }
}

// At the memory of the group that comes.
void DecoderStep::look_ahead(std::span<const Row> group, std::size_t layer) {
  ahead_.clear();
  const auto add = [&](const DecoderCache& cache) {
    for (std::size_t page = 0; page < cache.pages(); ++page)
      ahead_.push_back(cache.of_page(page, layer));
  };
  if (group.empty()) return;
  if (const DecoderCache* shared = group.front().shared; shared && !is_long(*shared)) add(*shared);
  for (const Row& row : group) add(*row.own);
}

void DecoderStep::attend_together(std::span<const Row> rows, std::size_t layer, std::size_t first) {
  const DecoderCache* shared = rows.front().shared;
  CachedAttention all[kMostAttending] = {};
  std::size_t room = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CachedAttention& one = all[i];
    one.kept = rows[i].own->kept();
    ensure(!shared || shared->kept() == one.kept, "kept alike");
    one.query = qkv_.data() + (first + i) * row_stride(3 * width_);
    one.width = width_, one.heads = weights_.shape().heads;
    if (shared) one.blocks[0] = shared->block(layer);
    one.blocks[1] = rows[i].own->block(layer);
    room += whole_sixteens(cached_scratch(one.blocks[0].rows + one.blocks[1].rows));
  }
  scratch_.resize(std::max(scratch_.size(), room));
  float* at = scratch_.data();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    all[i].scratch = at;
    at += whole_sixteens(cached_scratch(all[i].blocks[0].rows + all[i].blocks[1].rows));
  }
  kernels().attend_cached(all, rows.size(), mixed_.data() + first * stride_, stride_,
                          {ahead_.data(), ahead_.size(), rows.front().own->layer_words()});
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
  for (std::size_t i = 0; weights_.shape().additive && i < count; ++i)
    for (const DecoderCache* cache :
         {rows[i].shared, static_cast<const DecoderCache*>(rows[i].own)})
      if (cache)
        kernels().add(normal.at + i * stride_, cache->ever_had().data(), cache->ever_had().size());
  const Rows2D logits = view(logits_, count, weights_.shape().vocabulary);
  product(normal, weights_.embedding(), logits);
  return logits.at;
}

}  // namespace cangong
