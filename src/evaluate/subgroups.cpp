#include "evaluate/subgroups.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

#include "evaluate/binary.h"

namespace cangong {
namespace {

constexpr std::size_t kFewestPatients = 20, kFewestEvents = 5;

// Some of the examples, with the measures that depend on resampling weights.
class SubgroupPart {
 public:
  SubgroupPart(const Examined& all, const std::vector<bool>& members, bool inside) : all_(all) {
    for (std::size_t i = 0; i < members.size(); ++i)
      if (members[i] == inside) rows_.push_back(i);
    const auto& y = all.truth;
    for (const std::size_t i : rows_) {
      truth_.push_back(y.values[i]);
      value_.push_back(all.scored.value[i]);
      risk_.push_back(all.scored.risk[i]);
      if (!y.events.empty()) events_.push_back(y.events[i]);
    }
    if (y.answer == Answer::boolean) ranking_ = std::make_unique<Ranking>(value_, truth_);
    if (y.answer == Answer::survival)
      order_ = std::make_unique<Concordance>(risk_, truth_, events_);
  }

  std::size_t patients() const {
    std::set<PatientId> distinct;
    for (const std::size_t i : rows_) distinct.insert(all_.patients[i]);
    return distinct.size();
  }
  std::size_t examples() const { return rows_.size(); }
  std::size_t events() const {
    const auto& flags = all_.truth.answer == Answer::survival ? events_ : truth_;
    if (all_.truth.answer != Answer::survival && all_.truth.answer != Answer::boolean) return 0;
    return static_cast<std::size_t>(std::count(flags.begin(), flags.end(), 1.0));
  }
  bool is_enough() const {
    if (patients() < kFewestPatients) return false;
    const bool boolean = all_.truth.answer == Answer::boolean;
    if (!boolean && all_.truth.answer != Answer::survival) return true;
    return events() >= kFewestEvents && (!boolean || examples() - events() >= kFewestEvents);
  }

  // The weights of these examples out of everyone's.
  std::vector<double> own(std::span<const double> weights) const {
    std::vector<double> part;
    part.reserve(rows_.size());
    for (const std::size_t i : rows_) part.push_back(weights[i]);
    return part;
  }

  double discrimination(std::span<const double> w) const {
    return ranking_ ? ranking_->auroc(w) : order_->harrell(w);
  }
  double observed_to_expected(std::span<const double> w, double horizon) const {
    double observed = 0, expected = 0, sum = 0;
    for (std::size_t i = 0; i < w.size(); ++i)
      observed += w[i] * truth_[i], expected += w[i] * value_[i], sum += w[i];
    if (!order_) return observed / expected;
    return (1 - KaplanMeier(truth_, events_, w).at(horizon)) / (expected / sum);
  }
  // Mean of f(predicted, observed).
  template <class Function>
  double mean(std::span<const double> w, const Function& f) const {
    double total = 0, sum = 0;
    for (std::size_t i = 0; i < w.size(); ++i) total += w[i] * f(value_[i], truth_[i]), sum += w[i];
    return total / sum;
  }
  double accuracy(std::span<const double> w) const {
    double right = 0, sum = 0;
    for (std::size_t k = 0; k < rows_.size(); ++k) {
      const auto p = all_.scored.probabilities.row(rows_[k]);
      const auto best = std::max_element(p.begin(), p.end()) - p.begin();
      right += w[k] * (static_cast<double>(best) == truth_[k]), sum += w[k];
    }
    return right / sum;
  }

 private:
  const Examined& all_;
  std::vector<std::size_t> rows_;
  std::vector<double> truth_, value_, risk_, events_;
  std::unique_ptr<Ranking> ranking_;
  std::unique_ptr<Concordance> order_;
};

using PartMeasure = std::function<double(const SubgroupPart&, std::span<const double>)>;

std::vector<std::pair<std::string, PartMeasure>> measures_for(Answer answer, double horizon) {
  const auto ratio = [horizon](const SubgroupPart& part, std::span<const double> w) {
    return part.observed_to_expected(w, horizon);
  };
  const auto rank = [](const SubgroupPart& part, std::span<const double> w) {
    return part.discrimination(w);
  };
  switch (answer) {
    case Answer::boolean:
      return {{"auroc", rank}, {"observed_to_expected", ratio}};
    case Answer::survival:
      return {{"c_index", rank}, {"observed_to_expected", ratio}};
    case Answer::category:
      return {{"accuracy", [](const SubgroupPart& part, std::span<const double> w) {
                 return part.accuracy(w);
               }}};
    default:
      break;
  }
  return {{"mae",
           [](const SubgroupPart& part, std::span<const double> w) {
             return part.mean(w, [](double p, double y) { return std::abs(p - y); });
           }},
          {"bias", [](const SubgroupPart& part, std::span<const double> w) {
             return part.mean(w, [](double p, double y) { return p - y; });
           }}};
}

}  // namespace

std::vector<Subgroup> assess_subgroups(const Examined& examined,
                                       const std::vector<Grouping>& groupings,
                                       const AssessOptions& options) {
  const auto measures = measures_for(examined.truth.answer, options.horizon_days);
  std::vector<Subgroup> subgroups;
  for (const Grouping& grouping : groupings) {
    const SubgroupPart group(examined, grouping.members, true),
        rest(examined, grouping.members, false);
    Subgroup& subgroup = subgroups.emplace_back();
    subgroup.family = grouping.family, subgroup.name = grouping.name;
    subgroup.patients = group.patients();
    subgroup.examples = group.examples();
    subgroup.events = group.events();
    if (!group.is_enough()) continue;
    MetricList list;
    for (const auto& [name, measure] : measures) {
      list.add(name, [&](auto w) { return measure(group, group.own(w)); });
      if (rest.is_enough())
        list.add(name + "_gap",
                 [&](auto w) { return measure(group, group.own(w)) - measure(rest, rest.own(w)); });
    }
    subgroup.metrics = list.run(examined.patients, options.bootstrap);
  }
  return subgroups;
}

}  // namespace cangong
