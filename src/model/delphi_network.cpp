#include "model/delphi_network.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include "base/error.h"

namespace cangong {
namespace {

using namespace delphi;

constexpr double kDaysOfYear = 365.25;

// rows x inner times the transpose of columns x inner.
template <class Real>
std::vector<Real> times(const std::vector<Real>& a, const std::vector<Real>& b, std::size_t inner) {
  const std::size_t rows = a.size() / inner, columns = b.size() / inner;
  std::vector<Real> out(rows * columns);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) {
      Real sum = 0;
      for (std::size_t k = 0; k < inner; ++k) sum += a[i * inner + k] * b[j * inner + k];
      out[i * columns + j] = sum;
    }
  return out;
}

template <class Real>
std::vector<Real> normalised(const std::vector<Real>& x, const std::vector<Real>& scale) {
  constexpr double kLeast = 1e-5;
  const std::size_t width = scale.size();
  std::vector<Real> out(x.size());
  for (std::size_t from = 0; from < x.size(); from += width) {
    Real mean = 0, variance = 0;
    for (std::size_t k = 0; k < width; ++k) mean += x[from + k];
    mean /= static_cast<Real>(width);
    for (std::size_t k = 0; k < width; ++k) variance += (x[from + k] - mean) * (x[from + k] - mean);
    const Real by = 1 / std::sqrt(variance / static_cast<Real>(width) + static_cast<Real>(kLeast));
    for (std::size_t k = 0; k < width; ++k) out[from + k] = (x[from + k] - mean) * by * scale[k];
  }
  return out;
}

// GELU by tanh (Hendrycks and Gimpel 2016).
template <class Real>
void bend(std::vector<Real>& x) {
  constexpr double kCubic = 0.044715;
  const auto factor = static_cast<Real>(std::sqrt(2 / std::numbers::pi));
  for (Real& v : x)
    v = v / 2 * (1 + std::tanh(factor * (v + static_cast<Real>(kCubic) * v * v * v)));
}

template <class Real>
void add(std::vector<Real>& to, const std::vector<Real>& x) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += x[i];
}

// Of the first `count` tokens of a row, the last one that the token sees.
std::size_t last_seen(const std::uint8_t* sees, std::size_t count) {
  for (std::size_t j = count; j-- > 0;)
    if (sees[j]) return j;
  return 0;
}

bool may_be_target(std::int32_t id, DelphiTargets targets) {
  if (id == kNoEvent) return targets == DelphiTargets::training;
  return id > kLastLifestyle;
}

}  // namespace

std::size_t DelphiShape::parameters() const {
  std::size_t count = 0;
  for (const Weight& weight : weights()) count += weight.rows * weight.columns;
  return count;
}

std::vector<std::uint8_t> delphi_mask(const DelphiBatch& batch, DelphiTies ties) {
  const std::size_t length = batch.length;
  std::vector<std::uint8_t> sees(batch.people * length * length);
  for (std::size_t person = 0; person < batch.people; ++person)
    for (std::size_t i = 0; i < length; ++i) {
      const std::size_t row = person * length + i;
      std::uint8_t* own = &sees[row * length];
      bool any = false;
      for (std::size_t j = 0; j <= i && batch.tokens[row] != kPadding; ++j) {
        const std::size_t other = person * length + j;
        own[j] = batch.tokens[other] != kPadding &&
                 !(ties == DelphiTies::hidden && batch.ages[other] == batch.next_ages[row]);
        any = any || own[j];
      }
      if (!any) own[i] = 1;
    }
  return sees;
}

std::vector<std::uint8_t> delphi_targets(const DelphiBatch& batch, DelphiTargets targets) {
  std::vector<std::uint8_t> are;
  for (const std::int32_t id : batch.next) are.push_back(may_be_target(id, targets));
  return are;
}

std::vector<double> delphi_waits(const DelphiBatch& batch, const std::vector<std::uint8_t>& sees) {
  std::vector<double> waits;
  for (std::size_t row = 0; row < batch.tokens.size(); ++row) {
    const std::size_t person = row / batch.length * batch.length;
    const std::size_t since = person + last_seen(&sees[row * batch.length], batch.length);
    const double days = static_cast<double>(batch.next_ages[since]) - batch.ages[since];
    waits.push_back(std::max(days, 1.0));
  }
  return waits;
}

template <class Real>
DelphiNetwork<Real>::DelphiNetwork(const DelphiShape& shape, Weights weights)
    : shape_(shape), weights_(std::move(weights)) {
  for (const auto& [name, rows, columns] : shape_.weights()) {
    const auto found = weights_.find(name);
    if (found == weights_.end() || found->second.size() != rows * columns)
      fail(Fault::model, "the weight " + name + " is missing, or has not " + std::to_string(rows) +
                             " x " + std::to_string(columns) + " numbers");
  }
}

template <class Real>
auto DelphiNetwork<Real>::embed(const DelphiBatch& batch) const -> Rows {
  const std::size_t width = shape_.width;
  Rows phases(batch.tokens.size() * width), out(phases.size());
  const Rows& table = weight("transformer.wte.weight");
  for (std::size_t row = 0; row < batch.tokens.size(); ++row) {
    const Real years = static_cast<Real>(batch.ages[row]) / static_cast<Real>(kDaysOfYear);
    for (std::size_t k = 0; k < width; k += 2) {
      const Real speed = static_cast<Real>(
          std::exp(-static_cast<double>(k) * std::log(10000.0) / static_cast<double>(width)));
      phases[row * width + k] = std::sin(years * speed);
      phases[row * width + k + 1] = std::cos(years * speed);
    }
    const auto id = static_cast<std::size_t>(batch.tokens[row]);
    ensure(id < shape_.vocabulary, "ids are of the vocabulary");
    std::copy_n(&table[id * width], width, &out[row * width]);
  }
  add(out, times(phases, weight("transformer.wae.linear.weight"), width));
  return out;
}

template <class Real>
auto DelphiNetwork<Real>::attend(const Rows& normal, const std::string& block,
                                 const std::vector<std::uint8_t>& sees, std::size_t people,
                                 std::size_t length) const -> Rows {
  const std::size_t width = shape_.width, part = width / shape_.heads;
  const Rows all = times(normal, weight(block + "attn.c_attn.weight"), width);
  const Real scale = 1 / std::sqrt(static_cast<Real>(part));
  Rows mixed(normal.size()), share(length);
  for (std::size_t row = 0; row < people * length; ++row) {
    const std::size_t first = row / length * length;
    const std::uint8_t* seen = &sees[row * length];
    for (std::size_t head = 0; head < shape_.heads; ++head) {
      const auto at = [&](std::size_t of, std::size_t what) {
        return &all[of * 3 * width + what * width + head * part];
      };
      Real largest = -std::numeric_limits<Real>::infinity(), sum = 0;
      for (std::size_t j = 0; j < length; ++j) {
        share[j] = 0;
        for (std::size_t k = 0; k < part; ++k) share[j] += at(row, 0)[k] * at(first + j, 1)[k];
        share[j] *= scale;
        if (seen[j]) largest = std::max(largest, share[j]);
      }
      for (std::size_t j = 0; j < length; ++j)
        sum += share[j] = seen[j] ? std::exp(share[j] - largest) : 0;
      for (std::size_t j = 0; j < length; ++j)
        for (std::size_t k = 0; k < part; ++k)
          mixed[row * width + head * part + k] += share[j] / sum * at(first + j, 2)[k];
    }
  }
  return times(mixed, weight(block + "attn.c_proj.weight"), width);
}

template <class Real>
void DelphiNetwork<Real>::add_ever_had(const DelphiBatch& batch,
                                       const std::vector<std::uint8_t>& sees, Rows& to) const {
  const std::size_t width = shape_.width, length = batch.length;
  const Rows& table = weight(kAdditiveWeight);
  for (std::size_t row = 0; row < batch.tokens.size(); ++row) {
    const std::size_t first = row / length * length;
    std::set<std::int32_t> had{batch.tokens[row]};
    for (std::size_t j = 0; j < length; ++j)
      if (sees[row * length + j]) had.insert(batch.tokens[first + j]);
    for (const std::int32_t id : had)
      for (std::size_t k = 0; k < width; ++k)
        to[row * width + k] += table[static_cast<std::size_t>(id) * width + k];
  }
}

template <class Real>
auto DelphiNetwork<Real>::forward(const DelphiBatch& batch, DelphiTies ties) const -> Output {
  Output output{{}, delphi_mask(batch, ties)};
  const std::size_t width = shape_.width;
  Rows x = embed(batch);
  for (std::size_t layer = 0; layer < shape_.layers; ++layer) {
    const std::string block = "transformer.h." + std::to_string(layer) + ".";
    add(x, attend(normalised(x, weight(block + "ln_1.weight")), block, output.sees, batch.people,
                  batch.length));
    Rows inner = times(normalised(x, weight(block + "ln_2.weight")),
                       weight(block + "mlp.c_fc.weight"), width);
    bend(inner);
    add(x, times(inner, weight(block + "mlp.c_proj.weight"), 4 * width));
  }
  Rows state = normalised(x, weight("transformer.ln_f.weight"));
  if (shape_.additive) add_ever_had(batch, output.sees, state);
  output.logits = times(state, weight("transformer.wte.weight"), width);
  return output;
}

template class DelphiNetwork<float>;
template class DelphiNetwork<double>;

template <class Real>
DelphiLoss delphi_loss(const typename DelphiNetwork<Real>::Output& output, const DelphiBatch& batch,
                       DelphiTargets targets) {
  const std::size_t vocabulary = output.logits.size() / batch.tokens.size();
  const auto is_target = delphi_targets(batch, targets);
  const auto waits = delphi_waits(batch, output.sees);
  DelphiLoss loss;
  for (std::size_t row = 0; row < batch.tokens.size(); ++row) {
    if (!is_target[row]) continue;
    const Real* logits = &output.logits[row * vocabulary];
    const std::size_t first = targets == DelphiTargets::judging ? kLastLifestyle + 1 : 0;
    const double largest = *std::max_element(logits + first, logits + vocabulary);
    double sum = 0;
    for (std::size_t v = first; v < vocabulary; ++v) sum += std::exp(logits[v] - largest);
    const double log_sum = largest + std::log(sum);  // of the total rate a day
    loss.cross_entropy += log_sum - logits[batch.next[row]];
    const double rate = 1 / (std::exp(-log_sum) + kDelphiLeastWait);
    loss.waiting += rate * (waits[row] + kDelphiLeastWait) - std::log(rate);
    ++loss.targets;
  }
  const auto count = static_cast<double>(loss.targets);
  loss.cross_entropy /= count, loss.waiting /= count;
  return loss;
}

template DelphiLoss delphi_loss<float>(const DelphiNetwork<float>::Output&, const DelphiBatch&,
                                       DelphiTargets);
template DelphiLoss delphi_loss<double>(const DelphiNetwork<double>::Output&, const DelphiBatch&,
                                        DelphiTargets);

}  // namespace cangong
