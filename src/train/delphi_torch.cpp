// Delphi while libtorch trains it. Built into the shared object libcangong_torch.
#include <torch/torch.h>

#include <cmath>

#include "base/error.h"
#include "model/delphi_training.h"

namespace cangong {
namespace {

namespace F = torch::nn::functional;
using torch::Tensor;

template <class T>
Tensor delphi_tensor(const std::vector<T>& values, torch::IntArrayRef shape, torch::Dtype type) {
  return torch::from_blob(const_cast<T*>(values.data()), shape, type).clone();
}

// A batch as tensors: people x length, the targets in training mode.
struct DelphiTensors {
  Tensor ids, years, next, sees, is_target, days;

  DelphiTensors(const DelphiLesson& lesson, torch::Dtype real) {
    const DelphiBatch& batch = lesson.batch;
    const auto people = static_cast<std::int64_t>(batch.people),
               length = static_cast<std::int64_t>(batch.length);
    const auto integers = [&](const std::vector<std::int32_t>& values) {
      return delphi_tensor(values, {people, length}, torch::kInt32).to(torch::kInt64);
    };
    ids = integers(batch.tokens), next = integers(batch.next);
    years = delphi_tensor(batch.ages, {people, length}, torch::kFloat32).to(real) / 365.25;
    sees = delphi_tensor(lesson.sees, {people, 1, length, length}, torch::kUInt8).to(torch::kBool);
    is_target = delphi_tensor(lesson.is_target, {people, length}, torch::kUInt8).to(torch::kBool);
    days = delphi_tensor(lesson.waits, {people, length}, torch::kFloat64).to(real);
  }
};

class TorchDelphi final : public DelphiTrainer {
 public:
  explicit TorchDelphi(const DelphiTraining& training)
      : training_(training),
        real_(training.real == DelphiTraining::Real::float64 ? torch::kFloat64 : torch::kFloat32) {
    at::set_num_threads(training.threads);
    std::vector<Tensor> decays, stays;
    for (const auto& [name, rows, columns] : training.shape.weights()) {
      const auto r = static_cast<std::int64_t>(rows), c = static_cast<std::int64_t>(columns);
      const auto& values = training.weights.at(name);
      Tensor weight = delphi_tensor(values, {r, c}, torch::kFloat64).to(real_);
      if (rows == 1) weight = weight.squeeze(0);
      weight = weight.contiguous().requires_grad_(true);
      weights_[name] = weight;
      (rows == 1 || name == kEmbedding ? stays : decays).push_back(weight);
    }
    const auto options = [&](double decay) {
      auto own = std::make_unique<torch::optim::AdamWOptions>(0);
      own->betas({training.beta1, training.beta2}).eps(training.epsilon).weight_decay(decay);
      return own;
    };
    optimizer_ = std::make_unique<torch::optim::AdamW>(
        std::vector<torch::optim::OptimizerParamGroup>{{decays, options(training.weight_decay)},
                                                       {stays, options(0)}},
        torch::optim::AdamWOptions(0));
  }

  DelphiStep step(const DelphiLesson& lesson, double learning_rate) override {
    DelphiStep told = backward(lesson);
    std::vector<Tensor> all;
    for (const auto& [name, weight] : weights_) all.push_back(weight);
    told.gradient_norm = torch::nn::utils::clip_grad_norm_(all, training_.clip);
    for (auto& group : optimizer_->param_groups()) group.options().set_lr(learning_rate);
    optimizer_->step();
    return told;
  }

  Weights gradients(const DelphiLesson& lesson) override {
    (void)backward(lesson);
    Weights all;
    for (const auto& [name, weight] : weights_) all[name] = plain(weight.grad());
    return all;
  }

  Weights weights() const override {
    Weights all;
    for (const auto& [name, weight] : weights_) all[name] = plain(weight.detach());
    return all;
  }

 private:
  static constexpr const char* kEmbedding = "transformer.wte.weight";

  static std::vector<double> plain(const Tensor& tensor) {
    const Tensor flat = tensor.to(torch::kFloat64).contiguous();
    return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
  }

  const Tensor& weight(const std::string& name) const { return weights_.at(name); }

  Tensor embed(const DelphiTensors& batch) const {
    const auto width = static_cast<std::int64_t>(training_.shape.width);
    const Tensor speed =
        torch::exp(torch::arange(0, width, 2, torch::kFloat64) * -std::log(10000.0) / width)
            .to(real_);
    const Tensor turn = batch.years.unsqueeze(-1) * speed;
    const Tensor phases = torch::stack({torch::sin(turn), torch::cos(turn)}, -1).flatten(-2);
    return F::embedding(batch.ids, weight(kEmbedding)) +
           F::linear(phases, weight("transformer.wae.linear.weight"));
  }

  Tensor normalised(const Tensor& x, const std::string& name) const {
    return torch::layer_norm(x, {x.size(-1)}, weight(name), {}, 1e-5);
  }

  Tensor attend(const Tensor& x, const std::string& block, const Tensor& sees) const {
    const auto heads = static_cast<std::int64_t>(training_.shape.heads);
    const std::int64_t people = x.size(0), length = x.size(1), width = x.size(2);
    const auto parts = F::linear(x, weight(block + "attn.c_attn.weight")).split(width, -1);
    const auto by_head = [&](const Tensor& part) {
      return part.view({people, length, heads, width / heads}).transpose(1, 2);
    };
    Tensor scores = torch::matmul(by_head(parts[0]), by_head(parts[1]).transpose(-2, -1)) /
                    std::sqrt(static_cast<double>(width / heads));
    scores = scores.masked_fill(sees.logical_not(), -std::numeric_limits<double>::infinity());
    const Tensor mixed = torch::matmul(torch::softmax(scores, -1), by_head(parts[2]));
    return F::linear(mixed.transpose(1, 2).reshape({people, length, width}),
                     weight(block + "attn.c_proj.weight"));
  }

  Tensor logits(const DelphiTensors& batch) const {
    Tensor x = embed(batch);
    for (std::size_t layer = 0; layer < training_.shape.layers; ++layer) {
      const std::string block = "transformer.h." + std::to_string(layer) + ".";
      x = x + attend(normalised(x, block + "ln_1.weight"), block, batch.sees);
      const Tensor inner = torch::gelu(
          F::linear(normalised(x, block + "ln_2.weight"), weight(block + "mlp.c_fc.weight")),
          "tanh");
      x = x + F::linear(inner, weight(block + "mlp.c_proj.weight"));
    }
    return F::linear(normalised(x, "transformer.ln_f.weight"), weight(kEmbedding));
  }

  DelphiStep backward(const DelphiLesson& lesson) {
    const DelphiTensors own(lesson, real_);
    optimizer_->zero_grad();
    const Tensor all = logits(own).index({own.is_target});
    const Tensor next = own.next.index({own.is_target}), days = own.days.index({own.is_target});
    const Tensor log_sum = torch::logsumexp(all, -1);
    const Tensor cross_entropy = (log_sum - all.gather(1, next.unsqueeze(1)).squeeze(1)).mean();
    const Tensor log_rate = -torch::log(torch::exp(-log_sum) + kDelphiLeastWait);
    const Tensor waiting =
        (torch::exp(log_rate + torch::log(days + kDelphiLeastWait)) - log_rate).mean();
    const Tensor total = cross_entropy + waiting;
    if (!std::isfinite(total.item<double>()))
      fail(Fault::model, "the loss is not a number any more; lower the learning rate");
    total.backward();
    return {cross_entropy.item<double>(), waiting.item<double>(), 0};
  }

  DelphiTraining training_;
  torch::Dtype real_;
  std::map<std::string, Tensor> weights_;
  std::unique_ptr<torch::optim::AdamW> optimizer_;
};

}  // namespace
}  // namespace cangong

extern "C" void cangong_delphi_trainer(const cangong::DelphiTraining& training,
                                       std::unique_ptr<cangong::DelphiTrainer>& trainer) {
  try {
    trainer = std::make_unique<cangong::TorchDelphi>(training);
  } catch (const c10::Error& error) {
    cangong::fail(cangong::Fault::model,
                  std::string("training the network: ") + error.what_without_backtrace());
  }
}
