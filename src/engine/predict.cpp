#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <unordered_map>

#include "base/error.h"
#include "decide/abstain.h"
#include "decide/conformal.h"
#include "decide/uncertainty.h"
#include "engine/answer_patient.h"
#include "engine/engine.h"
#include "explain/attribution.h"
#include "explain/what_if.h"
#include "model/state_encoder.h"
#include "registry/audit.h"
#include "source/sink.h"
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

std::vector<Reason> reasons_of(const Pipeline& p, const Meaning& meaning, const History& history,
                               std::pair<std::span<const float>, std::span<const double>> row) {
  const auto [values, parts] = row;
  std::vector<std::size_t> order;
  const auto [first, last] = p.state_columns();
  const double course = std::accumulate(parts.begin() + static_cast<std::ptrdiff_t>(first),
                                        parts.begin() + static_cast<std::ptrdiff_t>(last), 0.0);
  for (std::size_t j = 0; j < values.size(); ++j)
    if (parts[j] != 0 && (j < first || j >= last)) order.push_back(j);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::abs(parts[a]) > std::abs(parts[b]);
  });
  const CodeBook& codes = history.codes();
  const auto session = p.encoder->session(codes);
  std::vector<Reason> reasons;
  for (const std::size_t j : order) {
    const Column& column = p.encoder->columns()[j];
    Reason reason{column.name(), column.code, column.aggregate,
                  column.window, column.unit, meaning(column.code),
                  std::nullopt,  parts[j],    {}};
    if (!std::isnan(values[j])) reason.value = values[j];
    if (reasons.size() < 20)
      for (const std::size_t e : session->origin(history, j)) {
        const Event& event = history.events()[e];
        reason.evidence.push_back(
            {codes.name(event.code), event.time, event.number, std::string(event.unit), ""});
      }
    reasons.push_back(std::move(reason));
  }
  if (course != 0) {  // numbers of the state say nothing one by one
    const auto before = std::find_if(reasons.begin(), reasons.end(), [&](const Reason& one) {
      return std::abs(one.contribution) < std::abs(course);
    });
    reasons.insert(before, {StateEncoder::kCode,
                            StateEncoder::kCode,
                            Reason::kState,
                            "",
                            "",
                            "the course of the record as a whole",
                            std::nullopt,
                            course,
                            {}});
  }
  return reasons;
}

}  // namespace

Meaning meaning_in(const Store& store) {
  std::unordered_map<std::string_view, std::string_view> described;
  for (const auto& info : store.code_infos()) described[info.code] = info.description;
  return [described = std::move(described)](std::string_view code) {
    const auto found = described.find(code);
    return found == described.end() ? std::string() : std::string(found->second);
  };
}

std::string unit_of(Answer answer) {
  return answer == Answer::real ? "value" : "probability";
}

Answers answers_of(const Fitted& fitted) {
  return [&fitted](const Matrix& rows) {
    const RealMatrix margins = fitted.margins(rows);
    std::vector<double> told;
    for (std::size_t i = 0; i < rows.rows; ++i)
      told.push_back(fitted.readout.value(margins.row(i)));
    return told;
  };
}

namespace {

std::size_t column_named(const Pipeline& p, const std::string& name) {
  std::vector<std::string> names;
  for (std::size_t j = 0; j < p.encoder->columns().size(); ++j) {
    names.push_back(p.encoder->columns()[j].name());
    if (names.back() == name) return j;
  }
  fail(Fault::config, "the model has no feature \"" + name + "\"" + suggestion(name, names));
}

// What nobody can change: who the patient is, and how long ago or how often something was.
bool can_change(const Column& column) {
  if (StateEncoder::is_of(column)) return false;
  if (column.window.starts_with("visit ")) return false;  // the past
  const bool value = column.aggregate == "last" || column.aggregate == "mean" ||
                     column.aggregate == "min" || column.aggregate == "max";
  return value && column.missing_when_absent && !may_be_static(column.code) &&
         column.code != "AGE" && !column.code.starts_with("AGE//");
}

// A model of visits looks at nothing of a visit that the patient has not had.
void refuse_absent_visit(const Pipeline& p, std::span<const float> row, std::size_t column) {
  if (StateEncoder::is_of(p.encoder->columns()[column]))
    fail(Fault::input,
         "a number of the record's state cannot be other than it is by itself; "
         "cangong ask --with supposes other records");
  const Layout layout = p.encoder->layout();
  if (column < layout.facts) return;
  const std::size_t within = (column - layout.facts) % layout.channels;
  if (std::isnan(row[column - within]))
    fail(Fault::input, "the patient has had no " + p.encoder->columns()[column].window +
                           "; ask about a later one");
}

void add_alternatives(const Pipeline& p, std::span<const float> row, const ExplainOptions& explain,
                      Prediction& prediction) {
  const bool classes = p.main().readout.answer() == Answer::category;
  if (classes && (explain.target || !explain.what_if.empty()))
    fail(Fault::config, "what-if and smallest change are for risks and values, not for classes");
  const auto& columns = p.encoder->columns();
  const Answers answers = answers_of(p.main());
  if (!explain.what_if.empty()) {
    refuse_absent_visit(p, row, column_named(p, explain.what_if));
    WhatIf curve{explain.what_if, {}};
    for (const auto& point : what_if(answers, row, p.background, column_named(p, explain.what_if)))
      curve.curve.emplace_back(point.value, point.answer);
    prediction.what_if = std::move(curve);
  }
  if (!explain.target) return;
  std::vector<std::size_t> changeable;
  for (std::size_t j = 0; j < columns.size(); ++j)
    if (can_change(columns[j])) changeable.push_back(j);
  Alternative alternative;
  alternative.target = *explain.target;
  if (const auto found = smallest_change(answers, row, p.background, changeable, *explain.target)) {
    alternative.reached = true;
    alternative.answer = found->answer;
    for (const Change& change : found->changes)
      alternative.changes.push_back({columns[change.column].name(), change.from, change.to});
  }
  prediction.alternative = std::move(alternative);
}

// What was asked, in the task's own words or by its name.
std::string asked_by(const std::string& name, const std::string& text) {
  std::string asked = name;
  const Node task = Node::parse(text, "task.yaml");
  if (task.is_map())
    if (const auto words = task.find("description"); words && words->is_scalar())
      asked = words->scalar();
  while (asked.ends_with('.')) asked.pop_back();
  return asked;
}

double free_until(const Pipeline& p, const SurvivalBound& bound, std::span<const double> margins) {
  const auto [cut, end] = bound;
  double low = 0, high = end;
  if (p.main().readout.survival(margins, high) > 1 - cut) return high;
  for (int step = 0; step < 60; ++step) {
    const double middle = (low + high) / 2;
    (p.main().readout.survival(margins, middle) > 1 - cut ? low : high) = middle;
  }
  return low;
}

FurtherAnswer further_answer(const Pipeline::Further& further, const Matrix& x) {
  const Readout& readout = further.fitted.readout;
  const RealMatrix margins = further.fitted.margins(x);
  FurtherAnswer answer{further.task,
                       asked_by(further.task, further.text),
                       readout.value(margins.row(0)),
                       unit_of(readout.answer()),
                       {},
                       readout.answer() == Answer::survival ? readout.horizon_days() : 0};
  if (readout.answer() == Answer::category) {
    const auto probabilities = readout.probabilities(margins.row(0));
    for (std::size_t c = 0; c < probabilities.size(); ++c)
      answer.classes.emplace_back(readout.classes()[c], probabilities[c]);
  }
  return answer;
}

}  // namespace

Certainty::Certainty(const Pipeline& p)
    : intervals({p.judged_value, p.judged_truth, p.judged_event, p.judged_rows_per_patient},
                p.main().readout.answer(), p.main().readout.horizon_days()) {
  if (p.main().readout.answer() == Answer::category)
    least_of_class = conformal_threshold(p.judged_value, 0.9);
  if (!p.judged_free.empty())
    bound = survival_bound(p.judged_free, p.judged_truth, p.judged_event, 0.9);
}

Reply answer_patient(const Pipeline& p, const Meaning& meaning, const History& history,
                     const ExplainOptions& explain) {
  return answer_patient(p, Certainty(p), meaning, history, explain);
}

Reply answer_patient(const Pipeline& p, const Certainty& certainty, const Meaning& meaning,
                     const History& history, const ExplainOptions& explain) {
  std::vector<Entry> entries;
  p.encoder->session(history.codes())->encode(history, entries);
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
  const Interval around = certainty.intervals.around(prediction.value);
  prediction.low = around.low;
  prediction.high = around.high;
  prediction.unit = unit_of(readout.answer());
  std::size_t output = 0;
  if (readout.answer() == Answer::category) {
    const auto probabilities = readout.probabilities(margins.row(0));
    output = static_cast<std::size_t>(std::max_element(probabilities.begin(), probabilities.end()) -
                                      probabilities.begin());
    for (std::size_t c = 0; c < probabilities.size(); ++c)
      prediction.classes.emplace_back(readout.classes()[c], probabilities[c]);
    for (std::size_t c = 0; c < probabilities.size(); ++c)
      if (probabilities[c] >= certainty.least_of_class || c == output)
        prediction.set.push_back(readout.classes()[c]);
    prediction.margin = fitted.explained(x).at(0, output);
    prediction.low = prediction.high = std::nan("");
  }
  for (const double t : p.grid)
    prediction.survival.emplace_back(t, readout.survival(margins.row(0), t));
  if (!p.judged_free.empty())
    prediction.free_until = free_until(p, certainty.bound, margins.row(0));
  for (const auto& further : p.also) prediction.also.push_back(further_answer(further, x));
  add_alternatives(p, x.row(0), explain, prediction);
  if (explain.method.empty()) return prediction;
  const RealMatrix parts =
      attribution_named(explain.method).parts({fitted, p.background, output, p.recipe.seed}, x);
  prediction.method = explain.method;
  prediction.base = parts.at(0, x.columns);
  prediction.reasons = reasons_of(p, meaning, history, {x.row(0), parts.row(0).first(x.columns)});
  return prediction;
}

Told told_of(const Pipeline& p) {
  const bool survival = p.main().readout.answer() == Answer::survival;
  return {asked_by(p.task_name, p.task_text), survival ? p.main().readout.horizon_days() : 0};
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
  reply.synthetic_model = pipeline.synthetic;
  reply.model = pipeline.recipe.name;
  reply.task = pipeline.task_name;
  reply.told = told_of(pipeline);
  reply.reply =
      answer_patient(pipeline, meaning_in(store), timeline.until(as_of->last), request.explain);
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
  const Time now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  append_audit(request.store / "audit.ndjson", format_time(now), record.dump());
  return reply;
}

}  // namespace cangong
