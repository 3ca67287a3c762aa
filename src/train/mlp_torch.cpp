// Trains a multi-layer perceptron with libtorch. Built into the shared object libcangong_torch.
#include <torch/torch.h>

#include <cmath>
#include <filesystem>

#include "model/mlp.h"

namespace cangong {
namespace {

namespace nn = torch::nn;

struct Rows {
  torch::Tensor x, y, events, exposure;
};

Rows tensors(const MlpRows& rows) {
  const auto options = torch::TensorOptions().dtype(torch::kFloat32);
  const auto view = [&](const std::vector<float>& v, at::IntArrayRef shape) {
    return torch::from_blob(const_cast<float*>(v.data()), shape, options).clone();
  };
  const auto n = static_cast<std::int64_t>(rows.x.rows);
  Rows out;
  out.x = view(rows.x.values, {n, static_cast<std::int64_t>(rows.x.columns)});
  out.y = view(rows.y, {n});
  if (!rows.events.empty()) out.events = view(rows.events, {n});
  if (!rows.exposure.empty()) out.exposure = view(rows.exposure, {n});
  return out;
}

nn::Sequential build(const MlpProblem& problem) {
  nn::Sequential net;
  auto width = static_cast<std::int64_t>(problem.train.x.columns);
  for (const std::size_t units : problem.options.hidden) {
    const auto next = static_cast<std::int64_t>(units);
    net->push_back(nn::Linear(width, next));
    if (problem.options.batch_norm) net->push_back(nn::BatchNorm1d(next));
    switch (problem.activation) {
      case Activation::relu:
        net->push_back(nn::ReLU());
        break;
      case Activation::tanh:
        net->push_back(nn::Tanh());
        break;
      case Activation::sigmoid:
        net->push_back(nn::Sigmoid());
        break;
      case Activation::gelu:
        net->push_back(nn::GELU());
        break;
    }
    if (problem.options.dropout > 0) net->push_back(nn::Dropout(problem.options.dropout));
    width = next;
  }
  net->push_back(nn::Linear(width, static_cast<std::int64_t>(problem.outputs)));
  return net;
}

// Negative log partial likelihood within the batch; equal times are ordered as they come (Katzman
// et al. 2018).
torch::Tensor cox_loss(const torch::Tensor& margin, const Rows& batch) {
  const auto order = torch::argsort(batch.y, 0, true);
  const auto m = margin.squeeze(1).index_select(0, order);
  const auto e = batch.events.index_select(0, order);
  const auto at_risk = torch::logcumsumexp(m, 0);
  return -((m - at_risk) * e).sum() / e.sum().clamp_min(1);
}

// One Bernoulli trial per interval at risk (Gensheimer and Narasimhan 2019); a row censored inside
// an interval counts for it by the share of the interval that it was followed.
torch::Tensor discrete_time_loss(const torch::Tensor& margin, const Rows& batch) {
  const auto index = batch.y.to(torch::kInt64).unsqueeze(1);
  const auto columns = torch::arange(margin.size(1)).unsqueeze(0);
  const auto hit = (columns == index).to(torch::kFloat32) * batch.events.unsqueeze(1);
  const auto own = (columns == index).to(torch::kFloat32) * batch.exposure.unsqueeze(1);
  const auto at_risk = (columns < index).to(torch::kFloat32) + torch::maximum(hit, own);
  const auto each =
      torch::binary_cross_entropy_with_logits(margin, hit, {}, {}, at::Reduction::None);
  return (each * at_risk).sum() / static_cast<double>(margin.size(0));
}

class LossOf {
 public:
  explicit LossOf(const MlpProblem& problem) : loss_(problem.loss) {
    if (!problem.class_weights.empty())
      weights_ = torch::tensor(std::vector<float>(problem.class_weights));
  }
  torch::Tensor operator()(const torch::Tensor& margin, const Rows& batch) const {
    switch (loss_) {
      case Loss::mse:
        return torch::mse_loss(margin.squeeze(1), batch.y);
      case Loss::bce: {
        torch::Tensor w;
        if (weights_.defined()) w = weights_.index_select(0, batch.y.to(torch::kInt64));
        return torch::binary_cross_entropy_with_logits(margin.squeeze(1), batch.y, w);
      }
      case Loss::cross_entropy:
        return torch::cross_entropy_loss(margin, batch.y.to(torch::kInt64), weights_);
      case Loss::cox:
        return cox_loss(margin, batch);
      case Loss::discrete_time:
        break;
    }
    return discrete_time_loss(margin, batch);
  }

 private:
  Loss loss_;
  torch::Tensor weights_;
};

std::unique_ptr<torch::optim::Optimizer> optimizer(const MlpProblem& p, nn::Sequential& net) {
  const double lr = p.options.learning_rate, decay = p.options.weight_decay;
  if (p.options.optimizer == "sgd")
    return std::make_unique<torch::optim::SGD>(
        net->parameters(),
        torch::optim::SGDOptions(lr).momentum(p.options.momentum).weight_decay(decay));
  if (p.options.optimizer == "adam")
    return std::make_unique<torch::optim::Adam>(net->parameters(),
                                                torch::optim::AdamOptions(lr).weight_decay(decay));
  if (p.options.optimizer == "adamw")
    return std::make_unique<torch::optim::AdamW>(
        net->parameters(), torch::optim::AdamWOptions(lr).weight_decay(decay));
  fail(Fault::config, "unknown optimizer \"" + p.options.optimizer + "\" (sgd, adam, adamw)");
}

double rate_at(const MlpOptions& options, std::size_t epoch) {
  const double done = static_cast<double>(epoch) / static_cast<double>(options.epochs);
  if (options.schedule == "constant") return options.learning_rate;
  if (options.schedule == "cosine")
    return options.learning_rate * (0.01 + 0.99 * 0.5 * (1 + std::cos(M_PI * done)));
  if (options.schedule == "step") return options.learning_rate * (done < 2.0 / 3 ? 1 : 0.1);
  fail(Fault::config, "unknown schedule \"" + options.schedule + "\" (constant, cosine, step)");
}

void set_rate(torch::optim::Optimizer& optimizer, double rate) {
  for (auto& group : optimizer.param_groups()) group.options().set_lr(rate);
}

double train_epoch(const MlpProblem& problem, const Rows& rows, nn::Sequential& net,
                   torch::optim::Optimizer& optimizer) {
  const LossOf loss(problem);
  net->train();
  const std::int64_t n = rows.x.size(0);
  // The partial likelihood compares rows, so that small batches would blur it.
  const auto size =
      std::min<std::int64_t>(n, static_cast<std::int64_t>(problem.options.batch_size));
  const auto order = torch::randperm(n, torch::kInt64);
  const auto x = rows.x.index_select(0, order), y = rows.y.index_select(0, order);
  const auto shuffled = [&](const torch::Tensor& t) {
    return t.defined() ? t.index_select(0, order) : torch::Tensor();
  };
  const auto events = shuffled(rows.events), exposure = shuffled(rows.exposure);
  double sum = 0;
  for (std::int64_t at = 0; at < n; at += size) {
    const std::int64_t count = std::min(size, n - at);
    if (count < 2 && problem.options.batch_norm) break;
    Rows batch{x.narrow(0, at, count), y.narrow(0, at, count), {}, {}};
    if (events.defined()) batch.events = events.narrow(0, at, count);
    if (exposure.defined()) batch.exposure = exposure.narrow(0, at, count);
    optimizer.zero_grad();
    const auto value = loss(net->forward(batch.x), batch);
    value.backward();
    optimizer.step();
    sum += value.item<double>() * static_cast<double>(count);
  }
  return sum / static_cast<double>(n);
}

double loss_on(const MlpProblem& problem, const Rows& rows, nn::Sequential& net) {
  const torch::NoGradGuard no_gradient;
  net->eval();
  return LossOf(problem)(net->forward(rows.x), rows).item<double>();
}

std::vector<torch::Tensor> copy_of(const nn::Sequential& net) {
  std::vector<torch::Tensor> copy;
  for (const auto& tensor : net->parameters()) copy.push_back(tensor.detach().clone());
  for (const auto& tensor : net->buffers()) copy.push_back(tensor.detach().clone());
  return copy;
}

void restore(nn::Sequential& net, const std::vector<torch::Tensor>& copy) {
  const torch::NoGradGuard no_gradient;
  std::size_t i = 0;
  for (auto& tensor : net->parameters()) tensor.copy_(copy[i++]);
  for (auto& tensor : net->buffers()) tensor.copy_(copy[i++]);
}

std::vector<float> floats(const torch::Tensor& tensor) {
  const auto t = tensor.detach().to(torch::kFloat32).contiguous();
  return {t.data_ptr<float>(), t.data_ptr<float>() + t.numel()};
}

// y = gamma (z - mean) / sqrt(var + eps) + beta becomes part of the layer before it.
void fold(Layer& layer, const nn::BatchNorm1dImpl& norm) {
  const auto gamma = floats(norm.weight), beta = floats(norm.bias);
  const auto mean = floats(norm.running_mean), var = floats(norm.running_var);
  for (std::size_t o = 0; o < layer.out; ++o) {
    const float scale = gamma[o] / std::sqrt(var[o] + static_cast<float>(norm.options.eps()));
    for (std::size_t k = 0; k < layer.in; ++k) layer.weights[o * layer.in + k] *= scale;
    layer.bias[o] = (layer.bias[o] - mean[o]) * scale + beta[o];
  }
}

std::vector<Layer> plain(const nn::Sequential& net) {
  std::vector<Layer> layers;
  for (const auto& module : *net) {
    if (const auto* linear = module.ptr()->as<nn::LinearImpl>()) {
      Layer layer;
      layer.out = static_cast<std::size_t>(linear->weight.size(0));
      layer.in = static_cast<std::size_t>(linear->weight.size(1));
      layer.weights = floats(linear->weight);
      layer.bias = floats(linear->bias);
      layers.push_back(std::move(layer));
    } else if (const auto* norm = module.ptr()->as<nn::BatchNorm1dImpl>()) {
      fold(layers.back(), *norm);
    }
  }
  return layers;
}

// All that a resumed run needs to go on to the same bytes.
struct Progress {
  std::size_t epoch = 0, best_epoch = 0;
  double best = std::numeric_limits<double>::infinity();
  std::vector<torch::Tensor> best_copy;
};

void save(const std::string& file, const nn::Sequential& net,
          const torch::optim::Optimizer& optimizer, const Progress& progress) {
  torch::serialize::OutputArchive archive, of_net, of_optimizer;
  net->save(of_net);
  optimizer.save(of_optimizer);
  archive.write("net", of_net);
  archive.write("optimizer", of_optimizer);
  archive.write("numbers", torch::tensor({static_cast<double>(progress.epoch),
                                          static_cast<double>(progress.best_epoch), progress.best},
                                         torch::kFloat64));
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  archive.write("random", generator.get_state());
  for (std::size_t i = 0; i < progress.best_copy.size(); ++i)
    archive.write("best" + std::to_string(i), progress.best_copy[i]);
  archive.save_to(file + ".part");
  std::filesystem::rename(file + ".part", file);
}

void load(const std::string& file, nn::Sequential& net, torch::optim::Optimizer& optimizer,
          Progress& progress) {
  torch::serialize::InputArchive archive, of_net, of_optimizer;
  archive.load_from(file);
  archive.read("net", of_net);
  net->load(of_net);
  archive.read("optimizer", of_optimizer);
  optimizer.load(of_optimizer);
  torch::Tensor numbers, random;
  archive.read("numbers", numbers);
  archive.read("random", random);
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  generator.set_state(random);
  progress.epoch = static_cast<std::size_t>(numbers[0].item<double>());
  progress.best_epoch = static_cast<std::size_t>(numbers[1].item<double>());
  progress.best = numbers[2].item<double>();
  progress.best_copy = copy_of(net);
  for (std::size_t i = 0; i < progress.best_copy.size(); ++i)
    archive.read("best" + std::to_string(i), progress.best_copy[i]);
}

void train(const MlpProblem& problem, MlpResult& result) {
  at::set_num_threads(problem.threads);
  torch::manual_seed(problem.seed);
  const Rows rows = tensors(problem.train);
  const bool judged = problem.tuning.x.rows > 0;
  const Rows judge = judged ? tensors(problem.tuning) : Rows{};
  nn::Sequential net = build(problem);
  const auto steps = optimizer(problem, net);
  Progress progress;
  if (!problem.checkpoint.empty() && std::filesystem::exists(problem.checkpoint))
    load(problem.checkpoint, net, *steps, progress);
  while (progress.epoch < problem.options.epochs) {
    set_rate(*steps, rate_at(problem.options, progress.epoch));
    result.train_loss.push_back(train_epoch(problem, rows, net, *steps));
    const double loss = judged ? loss_on(problem, judge, net) : result.train_loss.back();
    result.tuning_loss.push_back(loss);
    ++progress.epoch;
    if (loss < progress.best || !judged) {
      progress.best = loss, progress.best_epoch = progress.epoch;
      progress.best_copy = copy_of(net);
    }
    if (!problem.checkpoint.empty()) save(problem.checkpoint, net, *steps, progress);
    if (problem.stop && problem.stop()) return;
    if (progress.epoch >= progress.best_epoch + problem.options.patience) break;
  }
  if (!progress.best_copy.empty()) restore(net, progress.best_copy);
  result.layers = plain(net);
  result.best_epoch = progress.best_epoch;
  if (!problem.checkpoint.empty()) std::filesystem::remove(problem.checkpoint);
}

}  // namespace
}  // namespace cangong

extern "C" void cangong_train_mlp(const cangong::MlpProblem& problem, cangong::MlpResult& result) {
  try {
    cangong::train(problem, result);
  } catch (const c10::Error& error) {
    cangong::fail(cangong::Fault::model,
                  std::string("training the network: ") + error.what_without_backtrace());
  }
}
