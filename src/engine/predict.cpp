#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "decide/abstain.h"
#include "decide/conformal.h"
#include "decide/uncertainty.h"
#include "engine/answer_patient.h"
#include "engine/engine.h"
#include "explain/shap.h"
#include "registry/audit.h"
#include "timeline/identities.h"

namespace cangong {

PatientId find_patient(const Store& store, const std::string& subject) {
  const Identities identities = Identities::open(store.path());
  const std::size_t bar = subject.find('|');
  const auto known = bar == std::string::npos
                         ? identities.find_any(subject)
                         : identities.find(subject.substr(0, bar), subject.substr(bar + 1));
  if (known) return *known;
  if (const auto number = parse_integer(subject))
    if (store.contains(PatientId(*number))) return PatientId(*number);
  fail(Fault::missing, "no such patient in " + store.path().string() +
                           "; give the store's number, or system|value of an outside identifier");
}

namespace {

std::vector<Reason> reasons_of(const Pipeline& p, const Store& store, const History& history,
                               std::pair<std::span<const float>, std::span<const double>> row) {
  const auto [values, parts] = row;
  std::vector<std::size_t> order;
  for (std::size_t j = 0; j < values.size(); ++j)
    if (parts[j] != 0) order.push_back(j);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::abs(parts[a]) > std::abs(parts[b]);
  });
  const auto session = p.encoder->session(store.codes());
  std::vector<Reason> reasons;
  for (const std::size_t j : order) {
    const Column& column = p.encoder->columns()[j];
    Reason reason{column.name(), column.code, column.aggregate,
                  column.window, column.unit, "",
                  std::nullopt,  parts[j],    {}};
    if (!std::isnan(values[j])) reason.value = values[j];
    if (reasons.size() < 20)
      for (const std::size_t e : session->origin(history, j)) {
        const Event& event = history.events()[e];
        reason.evidence.push_back(
            {store.codes().name(event.code), event.time, event.number, std::string(event.unit)});
      }
    reasons.push_back(std::move(reason));
  }
  return reasons;
}

void describe(const Store& store, std::vector<Reason>& reasons) {
  std::map<std::string_view, std::string_view> descriptions;
  for (const auto& info : store.code_infos()) descriptions[info.code] = info.description;
  for (Reason& reason : reasons)
    if (const auto found = descriptions.find(reason.code); found != descriptions.end())
      reason.description = found->second;
}

}  // namespace

Reply answer_patient(const Pipeline& p, const Store& store, const History& history,
                     Explain explain) {
  std::vector<Entry> entries;
  p.encoder->session(store.codes())->encode(history, entries);
  Batch batch;
  batch.add_row(entries);
  const Matrix x = dense(batch, p.encoder->columns());
  if (auto none = abstain(p, x.row(0), history)) return std::move(*none);
  const Fitted& fitted = p.main();
  const RealMatrix margins = fitted.margins(x);
  const Readout& readout = fitted.readout;
  Prediction prediction;
  prediction.value = readout.value(margins.row(0));
  prediction.margin = fitted.explained(x).at(0, 0);
  const Reliability reliability{p.judged_value, p.judged_truth, p.judged_event,
                                p.judged_rows_per_patient};
  const Interval around =
      interval_around(prediction.value, readout.answer(), reliability, readout.horizon_days());
  prediction.low = around.low;
  prediction.high = around.high;
  prediction.unit = readout.answer() == Answer::real ? "value" : "probability";
  std::size_t output = 0;
  if (readout.answer() == Answer::category) {
    const auto probabilities = readout.probabilities(margins.row(0));
    output = static_cast<std::size_t>(std::max_element(probabilities.begin(), probabilities.end()) -
                                      probabilities.begin());
    for (std::size_t c = 0; c < probabilities.size(); ++c)
      prediction.classes.emplace_back(readout.classes()[c], probabilities[c]);
    const double least = conformal_threshold(p.judged_value, 0.9);
    for (std::size_t c = 0; c < probabilities.size(); ++c)
      if (probabilities[c] >= least || c == output) prediction.set.push_back(readout.classes()[c]);
    prediction.margin = fitted.explained(x).at(0, output);
    prediction.low = prediction.high = std::nan("");
  }
  for (const double t : p.grid)
    prediction.survival.emplace_back(t, readout.survival(margins.row(0), t));
  if (explain == Explain::no) return prediction;
  const RealMatrix parts = shap(fitted, x, p.background, output, {2, p.recipe.seed});
  prediction.base = parts.at(0, x.columns);
  prediction.reasons = reasons_of(p, store, history, {x.row(0), parts.row(0).first(x.columns)});
  describe(store, prediction.reasons);
  return prediction;
}

PredictReply predict(const PredictRequest& request) {
  const Bundle bundle = Bundle::open(request.bundle);
  const Pipeline pipeline = read_pipeline(bundle);
  const Store store = Store::open(request.store);
  const auto as_of = parse_moment(request.as_of, Zone(request.zone));
  if (!as_of)
    fail(Fault::input,
         "--as-of \"" + request.as_of + "\" is not a date or time; write " + "2020-03-01T12:00");
  const PatientId patient = find_patient(store, request.subject);
  const Timeline timeline = store.patient(patient);
  PredictReply reply;
  reply.as_of = as_of->last;
  reply.bundle = bundle.digest();
  reply.store = store.digest();
  reply.synthetic = store.inventory().synthetic;
  reply.model = pipeline.recipe.name;
  reply.task = pipeline.task_name;
  reply.reply = answer_patient(pipeline, store, timeline.until(as_of->last),
                               request.explain ? Explain::yes : Explain::no);
  nlohmann::ordered_json record{{"what", "predict"},
                                {"subject", patient.for_storage()},
                                {"as_of", format_time(reply.as_of)},
                                {"model", reply.bundle},
                                {"store", reply.store}};
  if (const auto* prediction = std::get_if<Prediction>(&reply.reply)) {
    record["answer"] = "prediction";
    record["value"] = prediction->value;
  } else {
    record["answer"] = "abstention";
    record["why"] = name_of(std::get<Abstention>(reply.reply).why);
  }
  const std::string fields = record.dump();
  const Time now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  append_audit(request.store / "audit.ndjson", format_time(now),
               fields.substr(1, fields.size() - 2));
  return reply;
}

}  // namespace cangong
