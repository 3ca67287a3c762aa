// A decoder while libtorch trains it. Built into the shared object cangong_torch.
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "model/decoder_torch.h"
#include "train/decoder_learner.h"

namespace cangong {
namespace {

using torch::Tensor;

template <class T>
Tensor on_device(const std::vector<T>& values, torch::IntArrayRef shape, torch::Device device) {
  const auto type = std::is_floating_point_v<T> ? torch::kFloat32 : torch::kInt32;
  return torch::from_blob(const_cast<T*>(values.data()), shape, type).to(device, false, true);
}

// Some people's rows side by side, filled up on the right, which no row of theirs sees.
struct PaddedRows {
  Tensor ids, days, sees;    // people x rows; what is added to scores, undefined: all before
  Tensor rows, next, waits;  // of targets: row among all, id, days

  PaddedRows(const DecoderRows& all, std::span<const std::uint32_t> people, torch::Device device,
             torch::Dtype type) {
    std::size_t length = 0;
    for (const std::uint32_t person : people) length = std::max(length, padded(all, person));
    std::vector<std::int32_t> own_ids(people.size() * length, 1), until(own_ids.size());
    std::vector<float> own_days(own_ids.size());
    std::vector<std::int32_t> own_rows, own_next;
    std::vector<float> own_waits;
    bool sees_all = true;
    for (std::size_t p = 0; p < people.size(); ++p) {
      const std::size_t first = all.starts[people[p]], count = rows_of(all, people[p]);
      for (std::size_t i = 0; i < length; ++i) {
        const std::size_t to = p * length + i;
        until[to] = static_cast<std::int32_t>(i + 1);
        if (i >= count) continue;
        own_ids[to] = all.ids[first + i], own_days[to] = all.days[first + i];
        until[to] = static_cast<std::int32_t>(all.until[first + i]);
        sees_all = sees_all && all.until[first + i] == i + 1;
      }
      const auto from =
          std::lower_bound(all.targets.begin(), all.targets.end(), first,
                           [](const auto& a, std::size_t row) { return a.row < row; });
      for (auto target = from; target != all.targets.end() && target->row < first + count;
           ++target) {
        own_rows.push_back(static_cast<std::int32_t>(p * length + target->row - first));
        own_next.push_back(target->next), own_waits.push_back(target->wait);
      }
    }
    const std::int64_t wide = static_cast<std::int64_t>(length),
                       high = static_cast<std::int64_t>(people.size()),
                       targets = static_cast<std::int64_t>(own_rows.size());
    ids = on_device(own_ids, {high, wide}, device);
    days = on_device(own_days, {high, wide}, device);
    rows = on_device(own_rows, {targets}, device);
    next = on_device(own_next, {targets}, device).to(torch::kInt64);
    waits = on_device(own_waits, {targets}, device);
    if (sees_all) return;
    const Tensor places = torch::arange(wide, torch::kInt32).to(device);
    const Tensor ends = on_device(until, {high, 1, wide, 1}, device);
    const Tensor itself = places.view({wide, 1}) == places;
    const Tensor seen = (places < ends).logical_or((ends == 0).logical_and(itself));
    sees = torch::zeros({high, 1, wide, wide}, torch::TensorOptions(device).dtype(type))
               .masked_fill_(seen.logical_not(), -std::numeric_limits<double>::infinity());
  }

  static constexpr std::size_t kWhole = 16;
  static std::size_t padded(const DecoderRows& all, std::size_t person) {
    return (rows_of(all, person) + kWhole - 1) / kWhole * kWhole;
  }
  static std::size_t rows_of(const DecoderRows& all, std::size_t person) {
    return all.starts[person + 1] - all.starts[person];
  }
};

// People of like length together, so many rows at once.
std::vector<std::vector<std::uint32_t>> parts_by_length(const DecoderRows& all, std::size_t rows) {
  std::vector<std::uint32_t> order(all.people());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return PaddedRows::rows_of(all, a) > PaddedRows::rows_of(all, b);
  });
  std::vector<std::vector<std::uint32_t>> parts;
  std::size_t longest = 0;
  for (const std::uint32_t person : order) {
    const std::size_t own = PaddedRows::padded(all, person);
    if (own == 0) break;
    if (parts.empty() || (parts.back().size() + 1) * longest > rows)
      parts.emplace_back(), longest = own;
    parts.back().push_back(person);
  }
  return parts;
}

class TorchLearner final : public DecoderLearner {
 public:
  explicit TorchLearner(const DecoderLearning& learning)
      : own_(learning.training),
        device_(torch_device(learning.device)),
        type_(own_.format == FloatFormat::bfloat16 ? torch::kBFloat16 : torch::kFloat32) {
    if (learning.device == Device::processor) at::set_num_threads(static_cast<int>(own_.threads));
    const auto zeros = [&](torch::Dtype type) {
      return torch::zeros({static_cast<std::int64_t>(learning.size)},
                          torch::TensorOptions(device_).dtype(type));
    };
    weights_ = zeros(torch::kFloat32), mean_ = zeros(torch::kFloat32);
    square_ = zeros(torch::kFloat32), gradient_ = zeros(torch::kFloat32);
    decays_ = zeros(torch::kFloat32);
    read_ = is_rough() ? zeros(type_) : weights_;
    pulled_ = is_rough() ? zeros(type_) : gradient_;
    std::vector<Tensor> leaves;
    const auto views = views_of(learning.shape, read_), pulls = views_of(learning.shape, pulled_);
    const auto decays = views_of(learning.shape, decays_);
    const auto table = learning.shape.weights();
    for (std::size_t i = 0; i < table.size(); ++i) {
      Tensor leaf = views[i].detach().requires_grad_(true);
      leaf.mutable_grad() = pulls[i];
      leaves.push_back(leaf);
      if (table[i].rows > 1 && i > 0) Tensor(decays[i]).fill_(own_.weight_decay);
    }
    decoder_.emplace(learning.shape, leaves);
  }

  DelphiStep step(const DecoderRows& rows, double learning_rate, std::size_t number) override {
    return told_of_torch("a step of training", [&] {
      const DelphiStep told = descend(rows, own_.dropout, number);
      update(learning_rate, number, told.gradient_norm);
      return told;
    });
  }
  DelphiStep gradients(const DecoderRows& rows) override {
    return told_of_torch("gradients", [&] { return descend(rows, 0, 0); });
  }
  DelphiLoss judge(const DecoderRows& rows, std::int32_t first_id) const override {
    return told_of_torch("judging", [&] { return judged(rows, first_id); });
  }

  void read(Kind kind, float* to) const override {
    const Tensor own = of(kind).cpu();
    std::copy_n(own.data_ptr<float>(), own.numel(), to);
  }
  void write(Kind kind, const float* from) override {
    const torch::NoGradGuard guard;
    of(kind).copy_(torch::from_blob(const_cast<float*>(from), {weights_.numel()}, torch::kFloat32));
  }

 private:
  void update(double learning_rate, std::size_t number, double norm) {
    const torch::NoGradGuard guard;
    const auto count = static_cast<double>(number + 1);
    const double cut = std::min(1.0, own_.clip / (norm + 1e-6));  // as PyTorch does
    gradient_.mul_(cut);
    mean_.mul_(own_.beta1).add_(gradient_, 1 - own_.beta1);
    square_.mul_(own_.beta2).addcmul_(gradient_, gradient_, 1 - own_.beta2);
    weights_.addcmul_(weights_, decays_, -learning_rate);
    const Tensor spread =
        torch::sqrt(square_).div_(std::sqrt(1 - std::pow(own_.beta2, count))).add_(own_.epsilon);
    weights_.addcdiv_(mean_, spread, -learning_rate / (1 - std::pow(own_.beta1, count)));
  }

  DelphiLoss judged(const DecoderRows& rows, std::int32_t first_id) const {
    const torch::NoGradGuard guard;
    if (is_rough()) Tensor(read_).copy_(weights_);
    Tensor sums = torch::zeros({2}, torch::TensorOptions(device_).dtype(torch::kFloat64));
    for (const auto& part : parts_by_length(rows, own_.rows_at_once))
      sums += losses({rows, part, device_, type_}, 0, first_id).detach();
    const Tensor told = sums.cpu();
    const std::size_t events = rows.events();
    const auto count = static_cast<double>(events);
    return {told[0].item<double>() / count, told[1].item<double>() / count, events};
  }

  bool is_rough() const { return type_ != torch::kFloat32; }
  Tensor of(Kind kind) const {
    switch (kind) {
      case Kind::weights:
        return weights_;
      case Kind::mean:
        return mean_;
      case Kind::square:
        return square_;
      case Kind::gradient:
        return gradient_;
    }
    fail(Fault::internal, "a kind of numbers");
  }

  // The sums of both losses over the targets, in double.
  Tensor losses(const PaddedRows& part, double dropout, std::int32_t first_id) const {
    const Tensor normal = decoder_->forward(
        part.ids, part.days, dropout,
        [&](std::size_t, const Tensor& qkv) { return decoder_->attend(qkv, part.sees, dropout); });
    Tensor logits = decoder_->logits(normal.flatten(0, 1).index_select(0, part.rows));
    logits = logits.narrow(1, first_id, logits.size(1) - first_id);
    const Tensor log_sum = torch::logsumexp(logits, -1);
    const Tensor happened = (part.next != DecoderRows::Target::kNothing).to(torch::kFloat32);
    const Tensor next = (part.next - first_id).clamp_min(0).unsqueeze(1);
    const Tensor cross_entropy = (log_sum - logits.gather(1, next).squeeze(1)) * happened;
    const Tensor log_rate = -torch::log(torch::exp(-log_sum) + own_.least_wait);
    const Tensor waiting =
        torch::exp(log_rate + torch::log(part.waits + own_.least_wait * happened)) -
        log_rate * happened;
    return torch::stack({cross_entropy, waiting}).sum(1, false, torch::kFloat64);
  }

  DelphiStep descend(const DecoderRows& rows, double dropout, std::size_t number) {
    const std::size_t events = rows.events();
    if (events == 0) fail(Fault::input, "no event of the batch is followed by another one");
    if (dropout > 0) torch::manual_seed(own_.seed + number * 0x9e3779b97f4a7c15);
    const double scale = 1 / static_cast<double>(events);
    {
      const torch::NoGradGuard guard;
      gradient_.zero_();
      if (is_rough()) read_.copy_(weights_);
    }
    Tensor sums = torch::zeros({2}, torch::TensorOptions(device_).dtype(torch::kFloat64));
    for (const auto& part : parts_by_length(rows, own_.rows_at_once)) {
      if (is_rough()) pulled_.zero_();
      const Tensor own = losses({rows, part, device_, type_}, dropout, 0);
      (own.sum() * scale).backward();
      const torch::NoGradGuard guard;
      if (is_rough()) gradient_.add_(pulled_);
      sums += own.detach();
    }
    const Tensor told =
        torch::cat({sums * scale, gradient_.norm().to(torch::kFloat64).view({1})}).cpu();
    const auto* numbers = told.data_ptr<double>();
    if (!std::isfinite(numbers[0] + numbers[1]))
      fail(Fault::model, "the loss is not a number any more; lower the learning rate");
    if (!std::isfinite(numbers[2]))
      fail(Fault::model, "the gradient is not a number any more; lower the learning rate");
    return {numbers[0], numbers[1], numbers[2]};
  }

  DecoderTraining own_;
  torch::Device device_;
  torch::Dtype type_;
  // All weights in one array each: what is learned, AdamW's memory, gradients, which decay by how
  // much; what the way forward reads and what the way back leaves, which are the first and the
  // fourth in float32.
  Tensor weights_, mean_, square_, gradient_, decays_, read_, pulled_;
  std::optional<TorchDecoder> decoder_;
};

}  // namespace
}  // namespace cangong

extern "C" void cangong_decoder_learner(const cangong::DecoderLearning& learning,
                                        std::unique_ptr<cangong::DecoderLearner>& learner) {
  cangong::told_of_torch("training the network",
                         [&] { learner = std::make_unique<cangong::TorchLearner>(learning); });
}
