#include "train/pretrain.h"

#include <cmath>

#include "base/digest.h"
#include "base/progress.h"
#include "base/safetensors.h"

namespace cangong {
namespace {

// Whether the checkpoint is of the last step; what it holds is looked at when it is read.
bool is_done(const PretrainInput& input) {
  if (!fs::exists(input.checkpoint)) return false;
  auto about = read_safetensors(read_file(input.checkpoint), input.checkpoint.string()).about;
  return about["steps"] == std::to_string(input.recipe.training.steps);
}

DecoderTraining training_of(const PretrainInput& input) {
  const PretrainOptions& options = input.recipe.training;
  DecoderTraining training;
  training.beta1 = options.beta1, training.beta2 = options.beta2;
  training.weight_decay = options.weight_decay, training.clip = options.clip;
  training.dropout = options.dropout, training.seed = input.recipe.seed;
  training.threads = input.threads, training.least_wait = input.recipe.window.resolution_days;
  training.format = options.format();
  // Of what a card has trained to the end nothing is left but to judge.
  if (input.device == Device::processor && is_done(input)) training.format = FloatFormat::float32;
  return training;
}

DecoderWeights begin_weights(const PretrainInput& input) {
  const DelphiShape shape = shape_of(input.recipe.model, input.vocabulary.size());
  return {shape, first_weights(shape, input.recipe.seed), DecoderWeights::Ways::both};
}

NamedArray array_of(const float* values, std::size_t count) {
  return {{count}, {values, values + count}};
}

NamedArray array_of(const std::optional<Floats>& values) {
  return array_of(values ? values->data() : nullptr, values ? values->size() : 0);
}

// Weights, the optimizer's memory, the best weights, the average and the curve, in one file.
class Checkpoint {
 public:
  explicit Checkpoint(const PretrainInput& input) : input_(input) {}

  std::vector<PretrainPoint> curve;
  std::optional<Floats> best, average;
  double best_loss = INFINITY, since = 0;  // `since`: training losses since the last point, summed
  std::size_t steps_since = 0;

  void write(const DecoderTrainer& trainer) const {
    const auto state = trainer.state();
    NamedArrays arrays{{"weights", array_of(state.weights.data(), state.weights.size())},
                       {"mean", array_of(state.mean.data(), state.mean.size())},
                       {"square", array_of(state.square.data(), state.square.size())},
                       {"best", array_of(best)},
                       {"average", array_of(average)}};
    NamedArray& points = arrays["curve"];
    for (const PretrainPoint& point : curve)
      for (const double value :
           {static_cast<double>(point.step), point.training, point.cross_entropy, point.waiting})
        points.values.push_back(static_cast<float>(value));
    points.shape = {curve.size(), 4};
    About about{{"belongs_to", input_.belongs_to}, {"steps", std::to_string(state.steps)},
                {"computed_by", computed_by()},    {"best_loss", exact(best_loss)},
                {"since", exact(since)},           {"steps_since", std::to_string(steps_since)}};
    about["digest"] = digest_of(arrays, about);
    write_file(input_.checkpoint, write_safetensors(arrays, about));
  }

  // Returns false where there is none.
  bool read(DecoderTrainer& trainer) {
    if (!fs::exists(input_.checkpoint)) return false;
    const std::string file = input_.checkpoint.string();
    Safetensors all = read_safetensors(read_file(input_.checkpoint), file);
    const std::string digest = all.about["digest"];
    all.about.erase("digest");
    if (digest != digest_of(all.arrays, all.about))
      fail(Fault::storage, file +
                               " is damaged: its bytes are not those that were written; remove " +
                               "it to begin anew");
    if (all.about["belongs_to"] != input_.belongs_to)
      fail(Fault::storage, file +
                               " belongs to another recipe or to other data; remove the folder " +
                               input_.checkpoint.parent_path().string() + " to begin anew");
    const std::size_t steps = std::stoull(all.about.at("steps"));
    if (steps < input_.recipe.training.steps && all.about["computed_by"] != computed_by())
      fail(Fault::config, file + " was computed by " + all.about["computed_by"] +
                              "; go on there, or remove it to begin anew by " + computed_by());
    trainer.restore({floats_of(all.arrays["weights"]), floats_of(all.arrays["mean"]),
                     floats_of(all.arrays["square"]), steps});
    if (!all.arrays["best"].values.empty()) best = floats_of(all.arrays["best"]);
    if (!all.arrays["average"].values.empty()) average = floats_of(all.arrays["average"]);
    const auto& points = all.arrays["curve"].values;
    for (std::size_t i = 0; i + 3 < points.size(); i += 4)
      curve.push_back(
          {static_cast<std::size_t>(points[i]), points[i + 1], points[i + 2], points[i + 3]});
    best_loss = std::stod(all.about.at("best_loss")), since = std::stod(all.about.at("since"));
    steps_since = std::stoull(all.about.at("steps_since"));
    return true;
  }

 private:
  // What else would give other bytes.
  std::string computed_by() const {
    return input_.device == Device::processor ? kernels().floats : name_of(input_.device);
  }
  static std::string exact(double value) {
    char text[40];
    std::snprintf(text, sizeof text, "%.17g", value);
    return text;
  }
  static Floats floats_of(const NamedArray& array) {
    Floats floats(array.values.size());
    std::copy(array.values.begin(), array.values.end(), floats.data());
    return floats;
  }
  using About = std::map<std::string, std::string>;
  static Digest digest_of(const NamedArrays& arrays, const About& about) {
    Hasher hasher;
    for (const auto& [key, value] : about) hasher.add(key + "=" + value + "\n");
    for (const auto& [name, array] : arrays)
      hasher.add(name), hasher.add({reinterpret_cast<const char*>(array.values.data()),
                                    array.values.size() * sizeof(float)});
    return hasher.finish();
  }

  const PretrainInput& input_;
};

// The random numbers of a step do not hang on those before it.
Random random_of_step(std::uint64_t seed, std::size_t step) {
  Random random(seed);
  return Random(random.next() + step * 0x9e3779b97f4a7c15);
}

std::string kept_note(const PretrainInput& input) {
  if (!fs::exists(input.checkpoint)) return "";
  return "; the last good checkpoint is kept in " + input.checkpoint.string();
}

// Exponentially (Polyak and Juditsky 1992), every few steps: reading weights off a card takes time.
void average(const DecoderTrainer& trainer, double stays, std::optional<Floats>& average) {
  constexpr std::size_t kEvery = 10;
  if (stays == 0 || trainer.steps() % kEvery != 0) return;
  auto state = trainer.state();
  if (!average) return void(average = std::move(state.weights));
  const auto kept = static_cast<float>(std::pow(stays, kEvery));
  for (std::size_t i = 0; i < average->size(); ++i)
    (*average)[i] = kept * (*average)[i] + (1 - kept) * state.weights[i];
}

// The average takes the weights' place. Returns what was there.
DecoderTrainer::State put_in(const Floats& average, DecoderTrainer& trainer) {
  DecoderTrainer::State own = trainer.state(), other = trainer.state();
  std::copy_n(average.data(), average.size(), other.weights.data());
  trainer.restore(other);
  return own;
}

void judge(const PretrainInput& input, const TokenBatches& batches, DecoderTrainer& trainer,
           Checkpoint& checkpoint) {
  std::optional<DecoderTrainer::State> own;
  if (checkpoint.average) own = put_in(*checkpoint.average, trainer);
  const DelphiLoss loss = judge_split(trainer, batches, input.shards, TokenSplit::tuning,
                                      input.recipe.training.judged_people);
  if (loss.targets == 0)
    fail(Fault::input,
         "the tuning patients have no event that could be foretold, so nobody can "
         "choose the best weights");
  const double whole = kernels().sum_of_squares(trainer.weights().data(), trainer.weights().size());
  if (!std::isfinite(loss.cross_entropy + loss.waiting) || !std::isfinite(whole))
    fail(Fault::model, "step " + std::to_string(trainer.steps()) +
                           ": the loss of the tuning patients is not a number any more; lower the "
                           "learning rate" +
                           kept_note(input));
  const PretrainPoint point{trainer.steps(),
                            checkpoint.since / static_cast<double>(checkpoint.steps_since),
                            loss.cross_entropy, loss.waiting};
  checkpoint.since = 0, checkpoint.steps_since = 0;
  checkpoint.curve.push_back(point);
  if (const double all = loss.cross_entropy + loss.waiting; all < checkpoint.best_loss) {
    checkpoint.best_loss = all;
    Floats best(trainer.weights().size());
    std::copy_n(trainer.weights().data(), best.size(), best.data());
    checkpoint.best = std::move(best);
  }
  if (own) trainer.restore(*own);
  checkpoint.write(trainer);
  input.judged(point);
}

}  // namespace

DelphiLoss judge_split(const DecoderTrainer& trainer, const TokenBatches& batches,
                       const TokenShards& shards, TokenSplit split, std::size_t most) {
  constexpr std::size_t kTogether = 512;
  const std::size_t people = shards.people(split), count = most ? std::min(most, people) : people;
  const std::int32_t first_outcome = batches.first_outcome();
  DelphiLoss all;
  for (std::size_t first = 0; first < count; first += kTogether) {
    const DelphiLoss own = trainer.judge(
        batches.judging(split, first, std::min(kTogether, count - first)), first_outcome);
    if (own.targets == 0) continue;
    const auto targets = static_cast<double>(own.targets);
    all.cross_entropy += own.cross_entropy * targets, all.waiting += own.waiting * targets;
    all.targets += own.targets;
  }
  const auto targets = static_cast<double>(all.targets);
  all.cross_entropy /= targets, all.waiting /= targets;
  return all;
}

Pretrained pretrain(const PretrainInput& input) {
  const PretrainOptions& options = input.recipe.training;
  if (input.shards.people(TokenSplit::train) == 0 || input.shards.people(TokenSplit::tuning) == 0)
    fail(Fault::input, "nobody is left to train, or nobody to choose the best weights");
  const TokenBatches batches(input.shards, input.vocabulary, input.recipe.window);
  const auto made = decoder_trainer(training_of(input), begin_weights(input), input.device);
  DecoderTrainer& trainer = *made;
  Checkpoint checkpoint(input);
  (void)checkpoint.read(trainer);
  const std::size_t resumed_from = trainer.steps();
  const DelphiSchedule schedule{options.learning_rate, options.lowest_rate, options.warm_up,
                                options.steps};
  Progress progress("training", options.steps);
  while (trainer.steps() < options.steps) {
    const std::size_t step = trainer.steps();
    progress.at(step);
    if (interrupted()) {
      checkpoint.write(trainer);
      fail(Fault::denied,
           "interrupted at step " + std::to_string(step) + "; the same command goes on from there");
    }
    Random random = random_of_step(input.recipe.seed, step);
    DelphiStep told;
    try {
      told = trainer.step(batches.training(options.people, random), schedule.at(step));
    } catch (const Error& error) {
      fail(error.fault, "step " + std::to_string(step) + ": " + error.what() + kept_note(input));
    }
    checkpoint.since += told.cross_entropy + told.waiting, ++checkpoint.steps_since;
    average(trainer, options.average, checkpoint.average);
    if (trainer.steps() % options.evaluate_every == 0 || trainer.steps() == options.steps)
      judge(input, batches, trainer, checkpoint);
  }
  Pretrained done{DecoderWeights(made->weights().shape(), DecoderWeights::Ways::forward),
                  checkpoint.curve, resumed_from};
  std::copy_n(checkpoint.best->data(), checkpoint.best->size(), done.weights.data());
  done.weights.pack(input.threads);
  return done;
}

}  // namespace cangong
