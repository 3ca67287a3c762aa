#include "model/decoder_weights.h"

#include <cmath>

#include "base/error.h"
#include "base/parallel.h"

namespace cangong {
namespace {

// Element (k, j) is w[k * by_inner + j * by_column].
struct Strided {
  const float* w;
  std::size_t by_inner, by_column;
};

void pack_matrix(const Strided& from, Packed& to) {
  const std::size_t panel = kernels().panel, panels = (to.columns + panel - 1) / panel;
  to.panels.resize(panels * to.inner * panel);
  for (std::size_t p = 0; p < panels; ++p) {
    float* out = to.panels.data() + p * to.inner * panel;
    const std::size_t count = std::min(panel, to.columns - p * panel);
    for (std::size_t k = 0; k < to.inner; ++k, out += panel)
      for (std::size_t j = 0; j < count; ++j)
        out[j] = from.w[k * from.by_inner + (p * panel + j) * from.by_column];
  }
}

// Column j of what is packed is row j of w.
void pack_halves(const float* w, Packed& to) {
  const std::size_t panel = half_panel(to.inner);
  to.halves.resize(whole_sixteens(to.columns) / 16 * panel);
  for (std::size_t j = 0; j < to.columns; ++j, w += to.inner) {
    std::uint32_t* out = to.halves.data() + j / 16 * panel + j % 16;
    for (std::size_t k = 0; k < to.inner; k += 2)
      out[k / 2 * 16] = halves_of(w[k], k + 1 < to.inner ? w[k + 1] : 0);
  }
}

}  // namespace

DecoderWeights::DecoderWeights(const DelphiShape& shape, Ways ways)
    : shape_(shape), ways_(ways), table_(shape.weights()) {
  std::size_t next = 0;
  for (const auto& weight : table_) {
    offsets_.push_back(next);
    next += row_stride(weight.rows * weight.columns);
  }
  all_.resize(next);
  forward_.resize(table_.size()), back_.resize(table_.size());
}

DecoderWeights::DecoderWeights(const DelphiShape& shape,
                               const DelphiNetwork<float>::Weights& weights, Ways ways)
    : DecoderWeights(shape, ways) {
  for (std::size_t i = 0; i < table_.size(); ++i) {
    const auto& [name, rows, columns] = table_[i];
    const auto found = weights.find(name);
    if (found == weights.end() || found->second.size() != rows * columns)
      fail(Fault::model, "the weight " + name + " is missing, or has not " + std::to_string(rows) +
                             " x " + std::to_string(columns) + " numbers");
    std::copy(found->second.begin(), found->second.end(), data() + offsets_[i]);
  }
  pack();
}

DecoderWeights::Layer DecoderWeights::layer(std::size_t number) const {
  const std::size_t first = 2 + 6 * number;
  return {first, first + 1, first + 2, first + 3, first + 4, first + 5};
}

void DecoderWeights::pack(std::size_t threads) {
  parallel_for(table_.size(), threads, [&](std::size_t i) {
    const auto& [name, rows, columns] = table_[i];
    if (rows == 1 || i == additive()) return;
    forward_[i].inner = columns, forward_[i].columns = rows;
    pack_matrix({at(i), 1, columns}, forward_[i]);
    if (format_ == FloatFormat::bfloat16) pack_halves(at(i), forward_[i]);
    if (ways_ == Ways::forward) return;
    back_[i].inner = rows, back_[i].columns = columns;
    pack_matrix({at(i), columns, 1}, back_[i]);
  });
}

void DecoderWeights::set_format(FloatFormat format) {
  if (format == FloatFormat::bfloat16 && shape_.width / shape_.heads % 2 != 0)
    fail(Fault::config, "bfloat16 needs heads of an even width; this model's are " +
                            std::to_string(shape_.width / shape_.heads) + " wide");
  format_ = format;
  pack();
}

DelphiNetwork<double>::Weights DecoderWeights::named() const {
  DelphiNetwork<double>::Weights named;
  for (std::size_t i = 0; i < table_.size(); ++i)
    named[table_[i].name].assign(at(i), at(i) + table_[i].rows * table_[i].columns);
  return named;
}

void multiply(const Rows2D& x, const Packed& weight, const Rows2D& out, MatrixProduct::Into into) {
  const std::size_t panel = kernels().panel;
  kernels().multiply({x.at, x.stride, 1, weight.panels.data(), panel, weight.inner * panel, out.at,
                      out.stride, x.rows, weight.columns, weight.inner, into});
}

void multiply(const DecoderWeights& weights, const Rows2D& x, std::size_t number, const Rows2D& out,
              Floats& scratch, MatrixProduct::Into into) {
  const Packed& packed = weights.forward(number);
  if (weights.format() == FloatFormat::float32) return multiply(x, packed, out, into);
  const std::size_t room = half_scratch(x.rows, packed.inner);
  scratch.resize(std::max(scratch.size(), room));
  kernels().multiply_halves({x.at, x.stride, packed.halves.data(), out.at, out.stride, x.rows,
                             packed.columns, packed.inner, into, scratch.data()});
}

void embed_rows(const DecoderWeights& weights, const DecoderInput& input, const Rows2D& phases,
                const Rows2D& x) {
  const std::size_t width = weights.shape().width;
  const float* table = weights.at(weights.embedding());
  for (std::size_t row = 0; row < x.rows; ++row) {
    const auto id = static_cast<std::size_t>(input.ids[row]);
    ensure(id < weights.shape().vocabulary, "ids are of the vocabulary");
    age_phases(input.days[row], width, phases.at + row * phases.stride);
    std::copy_n(table + id * width, width, x.at + row * x.stride);
  }
  multiply(phases, weights.forward(weights.ages()), x, MatrixProduct::Into::add);
}

void age_phases(float days, std::size_t width, float* out) {
  constexpr float kDaysOfYear = 365.25f;
  const float years = days / kDaysOfYear;
  for (std::size_t k = 0; k < width; k += 2) {
    const auto speed = static_cast<float>(
        std::exp(-static_cast<double>(k) * std::log(10000.0) / static_cast<double>(width)));
    out[k] = std::sin(years * speed), out[k + 1] = std::cos(years * speed);
  }
}

}  // namespace cangong
