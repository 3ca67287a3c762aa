#include "engine/load_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "registry/bundle.h"

namespace cangong {
namespace {

double mean(const std::vector<double>& values) {
  if (values.empty()) return std::nan("");
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Where many answers are equal, a tenth may hold none.
void cut_into_tenths(std::vector<double> judged, ServedModel& model) {
  std::erase_if(judged, [](double value) { return !std::isfinite(value); });
  if (judged.size() < 10) return;
  std::sort(judged.begin(), judged.end());
  for (std::size_t k = 1; k < 10; ++k) model.deciles.push_back(judged[k * judged.size() / 10]);
  model.shares.assign(10, 0);
  for (const double value : judged) {
    const auto place = std::upper_bound(model.deciles.begin(), model.deciles.end(), value);
    model.shares[static_cast<std::size_t>(place - model.deciles.begin())] +=
        1 / static_cast<double>(judged.size());
  }
}

std::pair<std::string, std::string> name_and_alias(const Approval& approval) {
  const std::size_t at = approval.name.find('@');
  return {approval.name.substr(0, at), approval.name.substr(at + 1)};
}

ModelPtr load(const Bundle& bundle, const Approval& approval) {
  const auto [name, alias] = name_and_alias(approval);
  auto model = std::make_shared<ServedModel>(
      ServedModel{approval, name, alias, read_pipeline(bundle), {}, 0, {}, {}, nullptr});
  model->certainty = std::make_unique<Certainty>(model->pipeline);
  model->told = told_of(model->pipeline);
  // Of classes the judged values are of the true one: no answer is like them.
  const bool classes = model->pipeline.main().readout.answer() == Answer::category;
  model->usual = classes ? std::nan("") : mean(model->pipeline.judged_value);
  if (!classes) cut_into_tenths(model->pipeline.judged_value, *model);
  return model;
}

}  // namespace

void load_model(const fs::path& models, const Approval& approval, Hospital::Models& into) {
  const Bundle bundle = Bundle::open(models / approval.bundle);
  bundle.verify();
  if (!TimelineModel::is_in(bundle)) {
    into.served.push_back(load(bundle, approval));
    return;
  }
  const auto [name, alias] = name_and_alias(approval);
  into.timelines.push_back(std::make_shared<ServedTimelines>(
      ServedTimelines{approval, name, alias, TimelineModel::open(bundle)}));
}

}  // namespace cangong
