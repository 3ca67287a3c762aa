// What every kind of network shares: how it is trained, on which rows, and what comes back.
// libtorch trains (a shared object that is loaded on first use); answering needs no torch.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "encode/normaliser.h"
#include "model/model.h"
#include "model/network.h"
#include "model/shrink.h"

namespace cangong {

enum class Loss { mse, bce, cross_entropy, cox, discrete_time };

struct TrainingOptions {
  std::string optimizer = "adamw", schedule = "cosine", loss = "auto", class_weight = "none";
  double learning_rate = 1e-3, weight_decay = 1e-4, momentum = 0.9, dropout = 0.1;
  std::size_t epochs = 100, batch_size = 256, patience = 10, intervals = 20;
  std::string weights = "float32";
  double prune = 0;
  std::vector<std::string> task_weights{"equal"};  // or "learned", or a number for each task
  PrepareOptions prepare;
  template <class V>
  void visit_training(V& v) {
    v("dropout", dropout, "share of units dropped in training");
    v("loss", loss, "auto, mse, bce, cross_entropy, cox or discrete_time");
    v("intervals", intervals, "of discrete_time");
    v("class_weight", class_weight, "none or balanced");
    v("task_weights", task_weights,
      "with further tasks (also:): equal, learned, or [3, 1]: one number for each");
    v("optimizer", optimizer, "sgd, adam or adamw");
    v("learning_rate", learning_rate, "at the start");
    v("momentum", momentum, "of sgd");
    v("weight_decay", weight_decay, "penalty on squared weights");
    v("schedule", schedule, "constant, cosine or step (a tenth after 2/3 of the epochs)");
    v("epochs", epochs, "at most");
    v("batch_size", batch_size, "rows in a step");
    v("prepare", prepare, "impute, missing_flags, bins, pieces: how columns become numbers");
    v("patience", patience, "epochs without a gain on the tuning patients before it stops");
    v("weights", weights, "float32, bf16 or int8: how they are kept when training is over");
    v("prune", prune, "share of the weights, the smallest, that become 0 when training is over");
  }
};
// Throws Fault::config, beginning with "model KIND", where an option is out of its range.
void check_options(const TrainingOptions& options, const std::string& kind);
// One per task, where the recipe gives numbers.
std::vector<double> numbers_of(const std::vector<std::string>& task_weights);

enum class Body { feed_forward, gru, lstm, transformer };

// Rows are facts, then `steps` x `channels`, oldest step first, then the number of steps that the
// row has; a feed-forward network sees facts alone.
struct NetworkShape {
  Body body = Body::feed_forward;
  Activation activation = Activation::relu;
  std::size_t facts = 0, steps = 0, channels = 0;
  std::size_t units = 0, layers = 0, heads = 1;  // of the part that reads steps
  std::vector<std::size_t> hidden;               // of the feed-forward part
  bool batch_norm = false;
};

// One question that a network answers with outputs of its own.
struct NetworkTask {
  Loss loss = Loss::mse;
  std::size_t outputs = 1;
  std::vector<float> class_weights;  // one per class; empty = equal
  double weight = 1;                 // of its loss beside those of other tasks
};

// The answers of rows as the trainer sees them.
struct NetworkAnswers {
  std::vector<float> y;         // 0/1, class, value, or days; discrete time: interval; NaN: none
  std::vector<float> events;    // survival
  std::vector<float> exposure;  // discrete time: share of its own interval that was followed
};
struct NetworkRows {
  Matrix x;                             // prepared
  std::vector<NetworkAnswers> answers;  // by task
};

struct NetworkProblem {
  TrainingOptions options;
  NetworkShape shape;
  std::vector<NetworkTask> tasks;  // the first is the one that says when to stop
  NetworkRows train, tuning;
  std::uint64_t seed = 1;
  int threads = 1;
  std::string checkpoint;      // file; empty = none
  std::function<bool()> stop;  // asked after each epoch
};

struct NetworkResult {
  std::vector<Layer> layers;  // in the order in which the plain network reads them
  std::vector<double> train_loss, tuning_loss;  // by epoch, those before a checkpoint too
  std::size_t best_epoch = 0;
  Matrix probe;  // what the trained network says of the first training rows
};

// What the shared object exports under the name kNetworkTrainer.
using NetworkTrainer = void (*)(const NetworkProblem& problem, NetworkResult& result);
inline constexpr const char* kNetworkTrainer = "cangong_train_network";

// Throws Fault::missing where this build has no torch part.
NetworkTrainer network_trainer();

// How answers become what a network is trained on, and back.
struct AnswerScale {
  std::vector<double> ends;    // discrete time
  double mean = 0, scale = 1;  // of values

  // Throws Fault::config where the loss does not fit the kind of answer.
  static AnswerScale fit(const Targets& y, Loss loss, std::size_t intervals);
  NetworkAnswers answers(const Targets& y) const;
  RealMatrix margins(RealMatrix outputs) const;
  OnnxGraph::Tensor add_to(OnnxGraph& graph, const OnnxGraph::Tensor& outputs) const;
  std::string save() const;
  static AnswerScale load(const std::string& saved);
};

Loss loss_of(const TrainingOptions& options, Answer answer);

// The tasks of a data set: its own, then the further ones, each with the loss that is usual for it.
struct NetworkTasks {
  std::vector<NetworkTask> tasks;
  std::vector<AnswerScale> scales;
  NetworkTasks(const TrainingOptions& options, const Dataset& train);
  std::vector<NetworkAnswers> answers(const Dataset& data) const;
};
// The layers of one task alone: of the last one, its own outputs.
std::vector<Layer> layers_of_task(const std::vector<Layer>& layers,
                                  const std::vector<NetworkTask>& tasks, std::size_t task);

// What models that are networks have in common.
class NetworkModel : public Model {
 public:
  AnswerScale scale;
  std::size_t epochs = 0;
  std::vector<std::unique_ptr<Model>> also;

  std::vector<double> interval_ends() const override { return scale.ends; }
  std::optional<RealMatrix> contributions(const Matrix&, std::size_t) const override {
    return std::nullopt;
  }
  std::vector<std::unique_ptr<Model>> take_also() override { return std::move(also); }
};

// Trains, says how, and checks that every weight is finite. `forward` is the plain network made of
// the layers: Fault::model where it does not answer like the one that was trained.
using PlainForward = std::function<RealMatrix(const std::vector<Layer>& layers, const Matrix& x)>;
NetworkResult train_network(NetworkProblem problem, const FitContext& context,
                            const PlainForward& forward);

}  // namespace cangong
