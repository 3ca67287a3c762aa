#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/text.h"
#include "model/additive.h"
#include "model/aft.h"
#include "model/ensemble.h"
#include "model/forest.h"
#include "model/linear.h"
#include "model/mlp.h"
#include "model/onnx.h"
#include "model/sequence.h"
#include "model/trees.h"

namespace cangong {
namespace {

// A new learner is one file and one line here.
const std::array kLearners{
    Learner{"linear", "logistic, multinomial, least squares or Cox, with an elastic net",
            fit_linear, LinearModel::load, keys_of<LinearOptions>},
    Learner{"trees", "gradient-boosted trees (XGBoost)", fit_trees, load_trees,
            keys_of<TreeOptions>},
    Learner{"forest", "random forest: values, yes/no, survival", fit_forest, load_forest,
            keys_of<ForestOptions>},
    Learner{"ebm", "explainable boosting: a sum of curves and a few tables", fit_additive,
            load_additive, keys_of<AdditiveOptions>},
    Learner{"aft", "accelerated failure times: Weibull, log-normal, log-logistic", fit_aft,
            AftModel::load, keys_of<AftOptions>},
    Learner{"ensemble", "the mean of several models", fit_ensemble, load_ensemble,
            keys_of<EnsembleOptions>},
    Learner{"mlp", "multi-layer perceptron (libtorch)", fit_mlp, load_mlp, keys_of<MlpOptions>,
            true},
    Learner{"gru", "recurrent network over visits (libtorch)", fit_sequence, load_sequence,
            keys_of<SequenceOptions>, true},
    Learner{"lstm", "long short-term memory over visits (libtorch)", fit_sequence, load_sequence,
            keys_of<SequenceOptions>, true},
    Learner{"transformer", "self-attention over visits (libtorch)", fit_sequence, load_sequence,
            keys_of<SequenceOptions>, true},
    Learner{"onnx", "a model that was trained elsewhere, taken as it is", fit_onnx, load_onnx,
            keys_of<OnnxOptions>},
};

}  // namespace

RealMatrix Model::walk(std::span<const float> from, std::span<const float> to,
                       std::span<const std::size_t> order) const {
  // Where a column is the same in both, nothing happens.
  std::vector<std::size_t> steps;
  for (const std::size_t j : order)
    if (from[j] != to[j] && !(std::isnan(from[j]) && std::isnan(to[j]))) steps.push_back(j);
  Matrix rows(steps.size() + 1, from.size());
  std::copy(from.begin(), from.end(), rows.row(0).begin());
  for (std::size_t k = 0; k < steps.size(); ++k) {
    std::copy(rows.row(k).begin(), rows.row(k).end(), rows.row(k + 1).begin());
    rows.at(k + 1, steps[k]) = to[steps[k]];
  }
  const RealMatrix passed = margins(rows);
  RealMatrix out(order.size() + 1, passed.columns);
  std::size_t at = 0;
  for (std::size_t k = 0; k <= order.size(); ++k) {
    if (k > 0 && at < steps.size() && order[k - 1] == steps[at]) ++at;
    std::copy_n(passed.row(at).begin(), passed.columns, out.row(k).begin());
  }
  return out;
}

std::optional<std::vector<double>> Model::path_parts(std::span<const float>, std::span<const float>,
                                                     std::size_t) const {
  return std::nullopt;
}

OnnxGraph::Tensor Model::add_to(OnnxGraph&) const {
  fail(Fault::config, "models of the kind " + kind() +
                          " cannot be written as ONNX; linear, mlp, trees and forest can");
}

std::span<const Learner> learners() {
  return kLearners;
}

const Learner& learner_named(std::string_view name) {
  std::vector<std::string> names;
  for (const Learner& learner : kLearners) {
    if (learner.name == name) return learner;
    names.emplace_back(learner.name);
  }
  fail(Fault::config, "unknown model \"" + std::string(name) + "\"" + suggestion(name, names));
}

}  // namespace cangong
