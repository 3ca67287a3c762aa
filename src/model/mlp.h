// Multi-layer perceptrons. libtorch trains them (a shared object that is loaded on first use);
// answering needs no torch.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "encode/normaliser.h"
#include "model/model.h"
#include "model/network.h"

namespace cangong {

enum class Loss { mse, bce, cross_entropy, cox, discrete_time };

struct MlpOptions {
  static constexpr bool is_config = true;
  std::string kind = "mlp", optimizer = "adamw", schedule = "cosine", loss = "auto";
  std::string class_weight = "none", activation = "relu";
  std::vector<std::size_t> hidden{64, 64};
  double learning_rate = 1e-3, weight_decay = 1e-4, dropout = 0.1, momentum = 0.9;
  std::size_t epochs = 100, batch_size = 256, patience = 10, intervals = 20;
  bool batch_norm = false;
  PrepareOptions prepare;
  template <class V>
  void visit(V& v) {
    v("kind", kind, "mlp");
    v("hidden", hidden, "units of each hidden layer");
    v("activation", activation, "relu, tanh, sigmoid or gelu");
    v("dropout", dropout, "share of units dropped in training");
    v("batch_norm", batch_norm, "batch normalisation behind each hidden layer");
    v("loss", loss, "auto, mse, bce, cross_entropy, cox or discrete_time");
    v("intervals", intervals, "of discrete_time");
    v("class_weight", class_weight, "none or balanced");
    v("optimizer", optimizer, "sgd, adam or adamw");
    v("learning_rate", learning_rate, "at the start");
    v("momentum", momentum, "of sgd");
    v("weight_decay", weight_decay, "penalty on squared weights");
    v("schedule", schedule, "constant, cosine or step (a tenth after 2/3 of the epochs)");
    v("epochs", epochs, "at most");
    v("batch_size", batch_size, "rows in a step");
    v("prepare", prepare, "impute, missing_flags, bins: how columns become numbers");
    v("patience", patience, "epochs without a gain on the tuning patients before it stops");
  }
};

// Rows for training as the trainer sees them.
struct MlpRows {
  Matrix x;                     // normalised
  std::vector<float> y;         // 0/1, class, value, or days; discrete time: interval
  std::vector<float> events;    // survival
  std::vector<float> exposure;  // discrete time: share of its own interval that was followed
};

struct MlpProblem {
  MlpOptions options;
  Activation activation = Activation::relu;
  Loss loss = Loss::mse;
  std::size_t outputs = 1;
  MlpRows train, tuning;
  std::vector<float> class_weights;  // one per class; empty = equal
  std::uint64_t seed = 1;
  int threads = 1;
  std::string checkpoint;  // file; empty = none
  std::function<void(const std::string&)> say;
  std::function<bool()> stop;  // asked after each epoch
};

struct MlpResult {
  std::vector<Layer> layers;
  std::vector<double> train_loss, tuning_loss;  // by epoch
  std::size_t best_epoch = 0;
};

// What the shared object exports under the name kMlpTrainer.
using MlpTrainer = void (*)(const MlpProblem& problem, MlpResult& result);
inline constexpr const char* kMlpTrainer = "cangong_train_mlp";

// Throws Fault::missing where this build has no torch part.
MlpTrainer mlp_trainer();

std::unique_ptr<Model> fit_mlp(const Node& options, const Dataset& train, const Dataset& tuning,
                               const FitContext& context);
std::unique_ptr<Model> load_mlp(const std::string& saved);

}  // namespace cangong
