#include "train/search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "base/digest.h"
#include "base/progress.h"
#include "base/random.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kFailed = std::numeric_limits<double>::infinity();

struct NumberRange {
  static constexpr bool is_config = true;
  double low = 0, high = 0;
  std::string scale = "linear";
  bool whole = false;
  template <class V>
  void visit(V& v) {
    v("low", low, "the least");
    v("high", high, "the most");
    v("scale", scale, "linear or log");
    v("whole", whole, "whole numbers only");
  }
};

Node drawn(const SearchRange& range, Random& random) {
  if (!range.choices.empty())
    return range.choices[random.below(static_cast<std::uint32_t>(range.choices.size()))];
  const double u = random.uniform();
  double value = range.logarithmic ? range.low * std::pow(range.high / range.low, u)
                                   : range.low + u * (range.high - range.low);
  if (range.whole) value = std::round(value);
  return Node::parse(format_number(value), "search");
}

// The model's own settings first, then random ones; none twice.
struct Candidates {
  std::vector<Node> options;
  std::vector<Trial> trials;
};

Candidates candidates_of(const Node& model, const SearchOptions& search, std::uint64_t seed) {
  Candidates found{{model}, {Trial{}}};
  Random random(seed ^ 0x5ea7c4);
  std::set<std::string> known;
  // A small space may have fewer settings than trials.
  for (std::size_t tries = 0; found.trials.size() < search.trials && tries < 20 * search.trials;
       ++tries) {
    Node options = model;
    Trial trial;
    std::string name;
    for (const auto& [option, range] : search.space) {
      const Node value = drawn(range, random);
      options = options.with(option, value);
      trial.settings.emplace_back(option, value.text());
      name += option + "=" + trial.settings.back().second + ";";
    }
    if (!known.insert(name).second) continue;
    found.options.push_back(options);
    found.trials.push_back(std::move(trial));
  }
  return found;
}

// By row: which of the folds its patient lies in.
std::vector<std::size_t> folds_of(const Dataset& data, std::size_t folds, std::uint64_t seed) {
  std::vector<PatientId> patients(data.patients.begin(), data.patients.end());
  std::sort(patients.begin(), patients.end());
  patients.erase(std::unique(patients.begin(), patients.end()), patients.end());
  if (patients.size() < 2 * folds)
    fail(Fault::config, "search: " + std::to_string(folds) + " folds of " +
                            std::to_string(patients.size()) + " training patients are too many");
  Random random(seed ^ 0xf01d5);
  random.shuffle(std::span(patients));
  std::unordered_map<PatientId, std::size_t> fold;
  for (std::size_t i = 0; i < patients.size(); ++i) fold[patients[i]] = i % folds;
  std::vector<std::size_t> by_row;
  for (const PatientId patient : data.patients) by_row.push_back(fold.at(patient));
  return by_row;
}

// The losses that are done, in a file for exactly this search.
class LossFile {
 public:
  explicit LossFile(fs::path file) : file_(std::move(file)) {
    if (file_.empty() || !fs::exists(file_)) return;
    const Json json = Json::parse(read_file(file_), nullptr, false);
    if (json.is_object()) known_ = json;
  }
  std::optional<double> find(std::size_t trial, std::size_t fold) const {
    const auto found = known_.find(key(trial, fold));
    if (found == known_.end()) return std::nullopt;
    if (found->is_number()) return found->get<double>();
    if (*found == "failed") return kFailed;
    if (*found == "undefined") return std::nan("");
    return std::nullopt;  // damaged: done again
  }
  void add(std::size_t trial, std::size_t fold, double loss) {
    known_[key(trial, fold)] = std::isfinite(loss) ? Json(loss)
                               : std::isnan(loss)  ? Json("undefined")
                                                   : Json("failed");
    if (!file_.empty()) write_file(file_, known_.dump() + "\n");
  }

 private:
  static std::string key(std::size_t trial, std::size_t fold) {
    return std::to_string(trial) + "/" + std::to_string(fold);
  }
  fs::path file_;
  Json known_ = Json::object();
};

class Search {
 public:
  Search(const Node& model, const SearchOptions& options, const Dataset& train, std::uint64_t seed,
         const fs::path& file, const TrialLoss& loss)
      : options_(options),
        train_(train),
        loss_(loss),
        file_(file),
        found_(candidates_of(model, options, seed)),
        fold_of_(folds_of(train, options.folds, seed)) {}

  SearchResult run() {
    std::vector<std::size_t> alive(found_.trials.size());
    for (std::size_t t = 0; t < alive.size(); ++t) alive[t] = t;
    Progress progress("searching settings", fits());
    std::size_t folds = options_.method == "halving" ? 1 : options_.folds;
    while (true) {
      for (const std::size_t t : alive)
        while (found_.trials[t].losses.size() < folds) {
          judge(t, found_.trials[t].losses.size());
          progress.step();
        }
      sort(alive);
      if (folds == options_.folds) break;
      alive.resize((alive.size() + 1) / 2);
      folds = std::min(2 * folds, options_.folds);
    }
    if (!std::isfinite(found_.trials[alive[0]].mean_loss()))
      fail(Fault::input, options_.where +
                             ": search: no fold holds enough events to judge by; lower "
                             "`folds`, or leave the search out");
    return {found_.options[alive[0]], alive[0], std::move(found_.trials)};
  }

 private:
  // Best first; the earlier one where two are as good.
  void sort(std::vector<std::size_t>& alive) const {
    std::stable_sort(alive.begin(), alive.end(), [&](std::size_t a, std::size_t b) {
      return found_.trials[a].mean_loss() < found_.trials[b].mean_loss();
    });
  }

  std::size_t fits() const {
    std::size_t alive = found_.trials.size(), done = 0, total = 0;
    for (std::size_t folds = options_.method == "halving" ? 1 : options_.folds;;
         folds = std::min(2 * folds, options_.folds)) {
      total += alive * (folds - done);
      done = folds;
      if (folds == options_.folds) return total;
      alive = (alive + 1) / 2;
    }
  }

  [[noreturn]] void refuse(const Trial& trial, const Error& error) const {
    std::string settings;
    for (const auto& [option, value] : trial.settings)
      settings += (settings.empty() ? "" : ", ") + option + ": " + value;
    fail(Fault::config, options_.where + ": search, with {" + settings + "}: " + error.what());
  }

  void judge(std::size_t trial, std::size_t fold) {
    stop_if_interrupted();
    auto& losses = found_.trials[trial].losses;
    if (const auto known = file_.find(trial, fold)) return losses.push_back(*known);
    std::vector<std::size_t> fit, judged;
    for (std::size_t i = 0; i < fold_of_.size(); ++i)
      (fold_of_[i] == fold ? judged : fit).push_back(i);
    double loss = kFailed;
    try {
      loss = loss_(found_.options[trial], train_.take(fit), train_.take(judged));
    } catch (const Error& error) {
      stop_if_interrupted();
      if (trial == 0) throw;
      if (error.fault == Fault::config) refuse(found_.trials[trial], error);
    }
    losses.push_back(loss);  // NaN: the fold's patients allow no judgement, of any trial
    file_.add(trial, fold, loss);
  }

  const SearchOptions& options_;
  const Dataset& train_;
  const TrialLoss& loss_;
  LossFile file_;
  Candidates found_;
  std::vector<std::size_t> fold_of_;
};

}  // namespace

void read_value(const Node& node, SearchRange& range) {
  if (node.is_list()) {
    range.choices = node.items();
    if (range.choices.empty()) node.reject("no choice; write [a, b] or {low: ..., high: ...}");
    return;
  }
  if (!node.is_map()) node.reject("write [a, b] or {low: ..., high: ...}");
  NumberRange numbers;
  read_value(node, numbers);
  if (!(numbers.low < numbers.high)) node.reject("low must be below high");
  if (numbers.scale != "linear" && numbers.scale != "log") node.reject("scale is linear or log");
  range.logarithmic = numbers.scale == "log";
  if (range.logarithmic && numbers.low <= 0) node.reject("a log scale begins above 0");
  range.low = numbers.low, range.high = numbers.high, range.whole = numbers.whole;
}

void read_value(const Node& node, SearchSpace& space) {
  space.clear();
  for (const auto& [option, range] : node.entries()) {
    if (option == "kind") range.reject("the kind of model is not searched; write two recipes");
    read_value(range, space.emplace_back(option, SearchRange{}).second);
  }
}

void check_options(const SearchOptions& o) {
  const auto reject = [&](const std::string& why) { fail(Fault::config, o.where + ": " + why); };
  if (o.space.empty())
    reject("search: the space is empty; name an option: `space: {depth: [2, 4, 6]}`");
  if (o.trials < 2 || o.trials > 10000) reject("search: trials is 2 to 10000");
  if (o.folds < 2 || o.folds > 20) reject("search: folds is 2 to 20");
  if (o.method != "random" && o.method != "halving") reject("search: method is random or halving");
}

double Trial::mean_loss() const {
  double sum = 0, judged = 0;
  for (const double loss : losses)
    if (!std::isnan(loss)) sum += loss, ++judged;
  return judged == 0 ? kFailed : sum / judged;
}

std::string search_json(const SearchResult& result) {
  Json trials = Json::array();
  for (const Trial& trial : result.trials) {
    Json settings = Json::object(), losses = Json::array();
    for (const auto& [option, value] : trial.settings) settings[option] = value;
    for (const double loss : trial.losses)
      losses.push_back(std::isfinite(loss) ? Json(loss) : Json());
    trials.push_back({{"settings", settings}, {"losses", losses}});
  }
  return Json{{"chosen", result.chosen}, {"trials", trials}}.dump();
}

SearchResult search(const Node& model, const SearchOptions& options, const Dataset& train,
                    std::uint64_t seed, const fs::path& file, const TrialLoss& loss) {
  return Search(model, options, train, seed, file, loss).run();
}

}  // namespace cangong
