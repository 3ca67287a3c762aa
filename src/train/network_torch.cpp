// Trains networks with libtorch. Built into the shared object libcangong_torch.
#include <torch/torch.h>

#include <cmath>
#include <filesystem>

#include "train/torch_net.h"

namespace cangong {
namespace {

namespace nn = torch::nn;

struct Answers {
  torch::Tensor y, events, exposure;

  Answers of(const torch::Tensor& rows) const {
    const auto some = [&](const torch::Tensor& t) {
      return t.defined() ? t.index_select(0, rows) : torch::Tensor();
    };
    return {some(y), some(events), some(exposure)};
  }
};

struct Rows {
  torch::Tensor x;
  std::vector<Answers> answers;  // by task

  Rows of(const torch::Tensor& rows) const {
    Rows part{x.index_select(0, rows), {}};
    for (const Answers& a : answers) part.answers.push_back(a.of(rows));
    return part;
  }
};

torch::Tensor tensor(const std::vector<float>& values) {
  if (values.empty()) return {};
  return torch::from_blob(const_cast<float*>(values.data()),
                          {static_cast<std::int64_t>(values.size())}, torch::kFloat32)
      .clone();
}

Rows tensors(const NetworkRows& rows) {
  Rows out;
  out.x = torch::from_blob(
              const_cast<float*>(rows.x.values.data()),
              {static_cast<std::int64_t>(rows.x.rows), static_cast<std::int64_t>(rows.x.columns)},
              torch::kFloat32)
              .clone();
  for (const NetworkAnswers& a : rows.answers)
    out.answers.push_back({tensor(a.y), tensor(a.events), tensor(a.exposure)});
  return out;
}

// Negative log partial likelihood within the batch; equal times are ordered as they come (Katzman
// et al. 2018).
torch::Tensor cox_loss(const torch::Tensor& margin, const Answers& batch) {
  const auto order = torch::argsort(batch.y, 0, true);
  const auto m = margin.squeeze(1).index_select(0, order);
  const auto e = batch.events.index_select(0, order);
  const auto at_risk = torch::logcumsumexp(m, 0);
  return -((m - at_risk) * e).sum() / e.sum().clamp_min(1);
}

// One Bernoulli trial per interval at risk (Gensheimer and Narasimhan 2019); a row censored inside
// an interval counts for it by the share of the interval that it was followed.
torch::Tensor discrete_time_loss(const torch::Tensor& margin, const Answers& batch) {
  const auto index = batch.y.to(torch::kInt64).unsqueeze(1);
  const auto columns = torch::arange(margin.size(1)).unsqueeze(0);
  const auto hit = (columns == index).to(torch::kFloat32) * batch.events.unsqueeze(1);
  const auto own = (columns == index).to(torch::kFloat32) * batch.exposure.unsqueeze(1);
  const auto at_risk = (columns < index).to(torch::kFloat32) + torch::maximum(hit, own);
  const auto each =
      torch::binary_cross_entropy_with_logits(margin, hit, {}, {}, at::Reduction::None);
  return (each * at_risk).sum() / static_cast<double>(margin.size(0));
}

torch::Tensor loss_of(const NetworkTask& task, const torch::Tensor& margin, const Answers& batch) {
  torch::Tensor weights;
  if (!task.class_weights.empty()) weights = torch::tensor(task.class_weights);
  switch (task.loss) {
    case Loss::mse:
      return torch::mse_loss(margin.squeeze(1), batch.y);
    case Loss::bce:
      if (weights.defined()) weights = weights.index_select(0, batch.y.to(torch::kInt64));
      return torch::binary_cross_entropy_with_logits(margin.squeeze(1), batch.y, weights);
    case Loss::cross_entropy:
      return torch::cross_entropy_loss(margin, batch.y.to(torch::kInt64), weights);
    case Loss::cox:
      return cox_loss(margin, batch);
    case Loss::discrete_time:
      break;
  }
  return discrete_time_loss(margin, batch);
}

// A network with the weights of its tasks. With learned weights each task's loss counts by
// exp(-s), and s is added, so that it cannot grow for nothing (Kendall, Gal and Cipolla 2018).
struct Learner {
  std::unique_ptr<TorchNet> net;
  torch::Tensor log_variance;  // by task; undefined = all count alike

  std::vector<torch::Tensor> parameters() const {
    auto all = net->module().parameters();
    if (log_variance.defined()) all.push_back(log_variance);
    return all;
  }
  std::vector<torch::Tensor> state() const {
    auto all = parameters();
    for (const auto& buffer : net->module().buffers()) all.push_back(buffer);
    return all;
  }
};

// Of the first `tasks`; rows without an answer to a task have no say in it.
torch::Tensor total_loss(const NetworkProblem& problem, const Learner& learner, const Rows& rows,
                         std::size_t tasks) {
  const auto margins = learner.net->forward(rows.x);
  torch::Tensor sum;
  std::int64_t column = 0;
  for (std::size_t t = 0; t < tasks; ++t) {
    const auto outputs = static_cast<std::int64_t>(problem.tasks[t].outputs);
    auto own = margins.narrow(1, column, outputs);
    column += outputs;
    Answers answers = rows.answers[t];
    if (t > 0) {  // the first task's answers are all there
      const auto known = torch::isnan(answers.y).logical_not().nonzero().squeeze(1);
      if (known.size(0) == 0) continue;
      own = own.index_select(0, known);
      answers = answers.of(known);
    }
    auto loss = loss_of(problem.tasks[t], own, answers);
    if (learner.log_variance.defined() && tasks > 1)
      loss = loss * torch::exp(-learner.log_variance[static_cast<std::int64_t>(t)]) +
             learner.log_variance[static_cast<std::int64_t>(t)];
    if (tasks > 1) loss = loss * problem.tasks[t].weight;
    sum = sum.defined() ? sum + loss : loss;
  }
  return sum;
}

std::unique_ptr<torch::optim::Optimizer> optimizer(const NetworkProblem& p,
                                                   const Learner& learner) {
  const double lr = p.options.learning_rate, decay = p.options.weight_decay;
  if (p.options.optimizer == "sgd")
    return std::make_unique<torch::optim::SGD>(
        learner.parameters(),
        torch::optim::SGDOptions(lr).momentum(p.options.momentum).weight_decay(decay));
  if (p.options.optimizer == "adam")
    return std::make_unique<torch::optim::Adam>(learner.parameters(),
                                                torch::optim::AdamOptions(lr).weight_decay(decay));
  if (p.options.optimizer == "adamw")
    return std::make_unique<torch::optim::AdamW>(
        learner.parameters(), torch::optim::AdamWOptions(lr).weight_decay(decay));
  fail(Fault::config, "unknown optimizer \"" + p.options.optimizer + "\" (sgd, adam, adamw)");
}

double rate_at(const TrainingOptions& options, std::size_t epoch) {
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

double train_epoch(const NetworkProblem& problem, const Rows& rows, Learner& learner,
                   torch::optim::Optimizer& optimizer) {
  learner.net->module().train();
  const std::int64_t n = rows.x.size(0);
  // The partial likelihood compares rows, so that small batches would blur it.
  const auto size =
      std::min<std::int64_t>(n, static_cast<std::int64_t>(problem.options.batch_size));
  const auto order = torch::randperm(n, torch::kInt64);
  double sum = 0;
  for (std::int64_t at = 0; at < n; at += size) {
    const std::int64_t count = std::min(size, n - at);
    if (count < 2 && problem.shape.batch_norm) break;
    optimizer.zero_grad();
    const auto value =
        total_loss(problem, learner, rows.of(order.narrow(0, at, count)), problem.tasks.size());
    value.backward();
    // Long sequences make gradients explode now and then (Pascanu, Mikolov and Bengio 2013).
    if (problem.shape.body != Body::feed_forward)
      nn::utils::clip_grad_norm_(learner.parameters(), 1.0);
    optimizer.step();
    sum += value.item<double>() * static_cast<double>(count);
  }
  return sum / static_cast<double>(n);
}

// In parts, so that memory does not grow with the rows.
template <class Use>
void each_part(const Rows& rows, const Use& use) {
  constexpr std::int64_t kPart = 4096;
  for (std::int64_t at = 0; at < rows.x.size(0); at += kPart)
    use(torch::arange(at, std::min(at + kPart, rows.x.size(0))));
}

// Of the first task. A partial likelihood needs all rows at once.
double loss_on(const NetworkProblem& problem, const Rows& rows, Learner& learner) {
  const torch::NoGradGuard no_gradient;
  learner.net->module().eval();
  if (problem.tasks[0].loss == Loss::cox || problem.shape.body == Body::feed_forward)
    return total_loss(problem, learner, rows, 1).item<double>();
  double sum = 0;
  each_part(rows, [&](const torch::Tensor& part) {
    sum += total_loss(problem, learner, rows.of(part), 1).item<double>() *
           static_cast<double>(part.size(0));
  });
  return sum / static_cast<double>(rows.x.size(0));
}

std::vector<torch::Tensor> copy_of(const Learner& learner) {
  std::vector<torch::Tensor> copy;
  for (const auto& tensor : learner.state()) copy.push_back(tensor.detach().clone());
  return copy;
}

void restore(Learner& learner, const std::vector<torch::Tensor>& copy) {
  const torch::NoGradGuard no_gradient;
  std::size_t i = 0;
  for (auto& tensor : learner.state()) tensor.copy_(copy[i++]);
}

// All that a resumed run needs to go on to the same bytes.
struct Progress {
  std::size_t epoch = 0, best_epoch = 0;
  double best = std::numeric_limits<double>::infinity();
  std::vector<torch::Tensor> best_copy;
};

// Losses by epoch as a row each.
torch::Tensor losses_of(const NetworkResult& result) {
  const auto row = [](const std::vector<double>& losses) {
    return torch::tensor(losses, torch::kFloat64);
  };
  return torch::stack({row(result.train_loss), row(result.tuning_loss)});
}

void save(const std::string& file, const Learner& learner, const torch::optim::Optimizer& optimizer,
          const Progress& progress, const NetworkResult& result) {
  torch::serialize::OutputArchive archive, of_optimizer;
  optimizer.save(of_optimizer);
  const auto state = learner.state();
  for (std::size_t i = 0; i < state.size(); ++i)
    archive.write("state" + std::to_string(i), state[i]);
  archive.write("optimizer", of_optimizer);
  archive.write("numbers", torch::tensor({static_cast<double>(progress.epoch),
                                          static_cast<double>(progress.best_epoch), progress.best,
                                          static_cast<double>(progress.best_copy.size())},
                                         torch::kFloat64));
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  archive.write("random", generator.get_state());
  archive.write("losses", losses_of(result));
  for (std::size_t i = 0; i < progress.best_copy.size(); ++i)
    archive.write("best" + std::to_string(i), progress.best_copy[i]);
  archive.save_to(file + ".part");
  std::filesystem::rename(file + ".part", file);
}

void load(const std::string& file, Learner& learner, torch::optim::Optimizer& optimizer,
          Progress& progress, NetworkResult& result) {
  torch::serialize::InputArchive archive, of_optimizer;
  archive.load_from(file);
  auto state = copy_of(learner);
  for (std::size_t i = 0; i < state.size(); ++i)
    archive.read("state" + std::to_string(i), state[i]);
  restore(learner, state);
  archive.read("optimizer", of_optimizer);
  optimizer.load(of_optimizer);
  torch::Tensor numbers, random, losses;
  archive.read("numbers", numbers);
  archive.read("random", random);
  const bool has_losses = archive.try_read("losses", losses);  // not of an older program
  for (std::int64_t i = 0; has_losses && i < losses.size(1); ++i) {
    result.train_loss.push_back(losses[0][i].item<double>());
    result.tuning_loss.push_back(losses[1][i].item<double>());
  }
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  generator.set_state(random);
  progress.epoch = static_cast<std::size_t>(numbers[0].item<double>());
  progress.best_epoch = static_cast<std::size_t>(numbers[1].item<double>());
  progress.best = numbers[2].item<double>();
  if (numbers[3].item<double>() > 0) progress.best_copy = copy_of(learner);
  for (std::size_t i = 0; i < progress.best_copy.size(); ++i)
    archive.read("best" + std::to_string(i), progress.best_copy[i]);
}

Learner learner_of(const NetworkProblem& problem) {
  std::size_t outputs = 0;
  for (const NetworkTask& task : problem.tasks) outputs += task.outputs;
  Learner learner{torch_net(problem.shape, problem.options.dropout, outputs), {}};
  if (problem.tasks.size() > 1 && problem.options.task_weights.front() == "learned")
    learner.log_variance =
        torch::zeros({static_cast<std::int64_t>(problem.tasks.size())}, torch::requires_grad());
  return learner;
}

Matrix probe_of(const Rows& rows, Learner& learner) {
  const torch::NoGradGuard no_gradient;
  learner.net->module().eval();
  const auto some = std::min<std::int64_t>(rows.x.size(0), 32);
  const auto out = learner.net->forward(rows.x.narrow(0, 0, some)).contiguous();
  Matrix probe(static_cast<std::size_t>(some), static_cast<std::size_t>(out.size(1)));
  std::copy_n(out.data_ptr<float>(), probe.values.size(), probe.values.begin());
  return probe;
}

void train(const NetworkProblem& problem, NetworkResult& result) {
  at::set_num_threads(problem.threads);
  torch::manual_seed(problem.seed);
  const Rows rows = tensors(problem.train);
  const bool judged = problem.tuning.x.rows > 0;
  const Rows judge = judged ? tensors(problem.tuning) : Rows{};
  Learner learner = learner_of(problem);
  const auto steps = optimizer(problem, learner);
  Progress progress;
  if (!problem.checkpoint.empty() && std::filesystem::exists(problem.checkpoint))
    load(problem.checkpoint, learner, *steps, progress, result);
  while (progress.epoch < problem.options.epochs) {
    set_rate(*steps, rate_at(problem.options, progress.epoch));
    result.train_loss.push_back(train_epoch(problem, rows, learner, *steps));
    const double loss = judged ? loss_on(problem, judge, learner) : result.train_loss.back();
    result.tuning_loss.push_back(loss);
    ++progress.epoch;
    if (loss < progress.best || !judged) {
      progress.best = loss, progress.best_epoch = progress.epoch;
      progress.best_copy = copy_of(learner);
    }
    if (!problem.checkpoint.empty()) save(problem.checkpoint, learner, *steps, progress, result);
    if (problem.stop && problem.stop()) return;
    if (progress.epoch >= progress.best_epoch + problem.options.patience) break;
  }
  if (!progress.best_copy.empty()) restore(learner, progress.best_copy);
  result.layers = learner.net->plain();
  result.best_epoch = progress.best_epoch;
  result.probe = probe_of(rows, learner);
  if (!problem.checkpoint.empty()) std::filesystem::remove(problem.checkpoint);
}

}  // namespace
}  // namespace cangong

extern "C" void cangong_train_network(const cangong::NetworkProblem& problem,
                                      cangong::NetworkResult& result) {
  try {
    cangong::train(problem, result);
  } catch (const c10::Error& error) {
    cangong::fail(cangong::Fault::model,
                  std::string("training the network: ") + error.what_without_backtrace());
  }
}
