#include "model/decoder_additive.h"

#include <limits>

namespace cangong {
namespace {

constexpr std::uint32_t kNowhere = std::numeric_limits<std::uint32_t>::max();

template <class Use>
void each_person(const DecoderPart& part, const Use& use) {
  for (std::size_t person = part.first; person < part.last; ++person)
    use(part.rows.starts[person], part.rows.starts[person + 1] - part.rows.starts[person]);
}

}  // namespace

void EverHad::look_at(std::span<const std::int32_t> ids, std::size_t vocabulary) {
  found_.resize(vocabulary, kNowhere), first_.clear();
  for (std::uint32_t row = 0; row < ids.size(); ++row) {
    std::uint32_t& found = found_[static_cast<std::size_t>(ids[row])];
    if (found == kNowhere) found = row;
    first_.push_back(found);
  }
  for (const std::int32_t id : ids) found_[static_cast<std::size_t>(id)] = kNowhere;
}

void EverHad::add(const DecoderWeights& weights, const DecoderPart& part, const Rows2D& states) {
  const std::size_t width = weights.shape().width, stride = states.stride;
  const Kernels& kernel = kernels();
  each_person(part, [&](std::size_t from, std::size_t count) {
    const auto ids = std::span(part.rows.ids).subspan(from, count);
    look_at(ids, weights.shape().vocabulary);
    sums_.resize((count + 1) * stride);
    std::fill_n(sums_.data(), stride, 0.0f);
    for (std::size_t row = 0; row < count; ++row) {
      float* sum = sums_.data() + row * stride;
      std::copy_n(sum, stride, sum + stride);
      if (is_first(row)) kernel.add(sum + stride, weights.additive_of(ids[row]), width);
    }
    for (std::size_t row = 0; row < count; ++row) {
      float* state = states.at + (from - part.begin() + row) * stride;
      const std::size_t until = part.rows.until[from + row];
      kernel.add(state, sums_.data() + until * stride, width);
      if (first_[row] >= until) kernel.add(state, weights.additive_of(ids[row]), width);
    }
  });
}

void EverHad::back(const DecoderWeights& weights, const DecoderPart& part, const Rows2D& d_states,
                   float* gradient) {
  const std::size_t width = weights.shape().width, stride = d_states.stride;
  const Kernels& kernel = kernels();
  float* table = gradient + weights.offset(weights.additive());
  each_person(part, [&](std::size_t from, std::size_t count) {
    const auto ids = std::span(part.rows.ids).subspan(from, count);
    look_at(ids, weights.shape().vocabulary);
    const auto of = [&](std::size_t row) {
      return table + static_cast<std::size_t>(ids[row]) * width;
    };
    sums_.resize((count + 1) * stride);
    std::fill_n(sums_.data(), (count + 1) * stride, 0.0f);
    for (std::size_t row = 0; row < count; ++row) {
      const float* d = d_states.at + (from - part.begin() + row) * stride;
      const std::size_t until = part.rows.until[from + row];
      kernel.add(sums_.data() + until * stride, d, width);
      if (first_[row] >= until) kernel.add(of(row), d, width);
    }
    // Who sees rows [0, i) sees those before i, too.
    for (std::size_t row = count; row-- > 0;) {
      float* sum = sums_.data() + (row + 1) * stride;
      if (is_first(row)) kernel.add(of(row), sum, width);
      kernel.add(sum - stride, sum, width);
    }
  });
}

}  // namespace cangong
