// Looking for a learner's settings, on training patients only.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/config.h"
#include "base/identifier.h"
#include "model/dataset.h"

namespace cangong {

// What one option may be: one of `choices`, or a number between `low` and `high`.
struct SearchRange {
  std::vector<Node> choices;
  double low = 0, high = 0;
  bool logarithmic = false, whole = false;
};
void read_value(const Node& node, SearchRange& range);

using SearchSpace = std::vector<std::pair<std::string, SearchRange>>;
void read_value(const Node& node, SearchSpace& space);

struct SearchOptions {
  static constexpr bool is_config = true;
  std::size_t trials = 20, folds = 3;
  std::string method = "random", where;
  SearchSpace space;
  template <class V>
  void visit(V& v) {
    v("trials", trials, "settings to try; the first is the model's own");
    v("folds", folds, "of the training patients: each trial is judged by cross-validation in them");
    v("method", method, "random, or halving: after 1, 2, 4, ... folds the worse half goes");
    v("space", space, "option: [choices], or {low, high, scale: linear or log, whole: true}");
  }
};
// Throws Fault::config where there is nothing to search.
void check_options(const SearchOptions& options);

struct Trial {
  std::vector<std::pair<std::string, std::string>> settings;  // option, value as YAML
  std::vector<double> losses;                                 // by fold that was judged
  double mean_loss() const;
};

struct SearchResult {
  Node best;  // the model's options with the best settings
  std::size_t chosen = 0;
  std::vector<Trial> trials;
};
std::string search_json(const SearchResult& result);

// Fits options on the first rows, returns the loss on the second.
using TrialLoss = std::function<double(const Node& options, Dataset fit, Dataset judge)>;

// Random search (Bergstra and Bengio 2012) or successive halving (Jamieson and Talwalkar 2016) with
// the number of folds as the resource. A trial that fails counts as infinitely bad, but if the
// model's own settings fail their error is thrown. Trials that are done are kept in `file` (empty:
// nowhere), so that an interrupted search goes on after the last of them.
SearchResult search(const Node& model, const SearchOptions& options, const Dataset& train,
                    std::uint64_t seed, const fs::path& file, const TrialLoss& loss);

}  // namespace cangong
