// Features -> margins, for every kind of learner; and the table of learners.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/config.h"
#include "base/onnx_graph.h"
#include "model/dataset.h"

namespace cangong {

// A fitted model. Margins are on the link scale: log-odds, log of unnormalised class weights, the
// value itself, or the log hazard ratio (discrete-time models: one log-odds per interval).
class Model {
 public:
  virtual ~Model() = default;
  virtual std::string kind() const = 0;
  virtual std::size_t outputs() const = 0;
  // rows x outputs. The same bytes on every call.
  virtual RealMatrix margins(const Matrix& x) const = 0;
  // Margins of the row `from` while its columns become those of `to`, one after the other in
  // `order`: (order.size() + 1) x outputs. Here by margins(); a model may know a shorter way.
  virtual RealMatrix walk(std::span<const float> from, std::span<const float> to,
                          std::span<const std::size_t> order) const;
  // What each column adds to output(to) - output(from) along the straight line between the two
  // rows, by the gradient; nothing where the model has none.
  virtual std::optional<std::vector<double>> path_parts(std::span<const float> from,
                                                        std::span<const float> to,
                                                        std::size_t output) const;
  // Exact Shapley values of one output: rows x (columns + 1), the last column the base value; rows
  // sum to the margin. Nothing where the model has no exact form.
  virtual std::optional<RealMatrix> contributions(const Matrix& x, std::size_t output) const = 0;
  // For discrete-time survival: the ends of the intervals, in days; empty otherwise.
  virtual std::vector<double> interval_ends() const { return {}; }
  virtual std::string save() const = 0;
  // The computation of the margins as nodes of a graph, from its features: rows x outputs. Throws
  // Fault::config where this kind of model cannot be written so.
  virtual OnnxGraph::Tensor add_to(OnnxGraph& graph) const;

  // Right after fitting, and once: models of the further tasks that were learnt beside
  // (Dataset::also).
  virtual std::vector<std::unique_ptr<Model>> take_also() { return {}; }
};

struct FitContext {
  std::uint64_t seed = 1;
  std::size_t threads = 1;
  fs::path checkpoint;  // where a long fit leaves its state; empty: nowhere
  std::function<void(const std::string&)> say = [](const std::string&) {};
};

// One way of learning. `options` is the recipe's `model:` map; fit() reads it strictly.
struct Learner {
  std::string_view name, summary;
  std::unique_ptr<Model> (*fit)(const Node& options, const Dataset& train, const Dataset& tuning,
                                const FitContext& context);
  std::unique_ptr<Model> (*load)(const std::string& saved);
  std::string (*keys)();       // of `options`, a line each
  bool several_tasks = false;  // learns Dataset::also beside
};

std::span<const Learner> learners();
// Throws Fault::config, listing the known names.
const Learner& learner_named(std::string_view name);

}  // namespace cangong
