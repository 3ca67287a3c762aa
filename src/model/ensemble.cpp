#include "model/ensemble.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "model/interval_ends.h"
#include "model/readout.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

struct Member {
  std::unique_ptr<Model> model;
  Readout readout;
};

double log_odds(double p) {
  return logit(std::clamp(p, 1e-9, 1 - 1e-9));
}

class EnsembleModel : public Model {
 public:
  std::vector<Member> members;
  std::vector<double> ends;  // survival

  std::string kind() const override { return "ensemble"; }
  std::vector<double> interval_ends() const override { return ends; }
  std::size_t outputs() const override {
    if (!ends.empty()) return ends.size();
    return std::max<std::size_t>(members.front().readout.classes().size(), 1);
  }
  std::optional<RealMatrix> contributions(const Matrix&, std::size_t) const override {
    return std::nullopt;
  }

  RealMatrix margins(const Matrix& x) const override {
    RealMatrix sums(x.rows, outputs());
    for (const Member& member : members) {
      const RealMatrix margins = member.model->margins(x);
      for (std::size_t i = 0; i < x.rows; ++i) add(member.readout, margins.row(i), sums.row(i));
    }
    for (double& sum : sums.values) sum /= static_cast<double>(members.size());
    for (std::size_t i = 0; i < x.rows; ++i) tell(sums.row(i));
    return sums;
  }

  std::string save() const override {
    Json list = Json::array();
    for (const Member& member : members)
      list.push_back({{"kind", member.model->kind()},
                      {"readout", Json::parse(member.readout.save())},
                      {"model", Json::parse(member.model->save())}});
    return Json{{"format", 1}, {"kind", "ensemble"}, {"interval_ends", ends}, {"members", list}}
               .dump() +
           "\n";
  }

 private:
  // What one member says, on the scale on which means are taken.
  void add(const Readout& readout, std::span<const double> margins, std::span<double> sums) const {
    if (readout.answer() == Answer::survival) {
      for (std::size_t k = 0; k < ends.size(); ++k) sums[k] += readout.survival(margins, ends[k]);
    } else if (readout.answer() == Answer::category) {
      const auto p = readout.probabilities(margins);
      for (std::size_t c = 0; c < p.size(); ++c) sums[c] += p[c];
    } else {
      sums[0] += readout.value(margins);
    }
  }

  // Means to margins.
  void tell(std::span<double> means) const {
    switch (members.front().readout.answer()) {
      case Answer::boolean:
        means[0] = log_odds(means[0]);
        return;
      case Answer::category:
        for (double& p : means) p = std::log(std::max(p, 1e-12));
        return;
      case Answer::survival:
        break;
      case Answer::real:
        return;
    }
    double before = 1;
    for (double& survival : means) {
      const double now = std::min(survival, before);
      survival = log_odds(before > 0 ? 1 - now / before : 1);
      before = now;
    }
  }
};

}  // namespace

std::unique_ptr<Model> fit_ensemble(const Node& node, const Dataset& train, const Dataset& tuning,
                                    const FitContext& context) {
  EnsembleOptions options;
  read_value(node, options);
  if (options.members.size() < 2 || options.members.size() > 50)
    node.reject("an ensemble has 2 to 50 members: `members: [{kind: linear}, {kind: trees}]`");
  if (options.intervals < 2 || options.intervals > 1000) node.reject("intervals is 2 to 1000");
  auto model = std::make_unique<EnsembleModel>();
  if (train.y.answer == Answer::survival) model->ends = interval_ends(train.y, options.intervals);
  for (std::size_t k = 0; k < options.members.size(); ++k) {
    const Node& own = options.members[k];
    const auto kind = own.find("kind");
    if (!kind) own.reject("a member needs its kind");
    if (kind->scalar() == "ensemble") own.reject("an ensemble holds no ensembles");
    FitContext inner = context;
    inner.seed = context.seed + k;
    if (!context.checkpoint.empty()) inner.checkpoint += "." + std::to_string(k);
    Member member;
    at_place(own.where(),
             [&] { member.model = learner_named(kind->scalar()).fit(own, train, tuning, inner); });
    member.readout = Readout::fit(*member.model, train, {}, Recalibration::Kind::none, 0);
    model->members.push_back(std::move(member));
  }
  return model;
}

std::unique_ptr<Model> load_ensemble(const std::string& saved) {
  const Json json = Json::parse(saved);
  auto model = std::make_unique<EnsembleModel>();
  model->ends = json.at("interval_ends").get<std::vector<double>>();
  for (const Json& item : json.at("members"))
    model->members.push_back(
        {learner_named(item.at("kind").get<std::string>()).load(item.at("model").dump()),
         Readout::load(item.at("readout").dump())});
  return model;
}

}  // namespace cangong
