#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cohort/label.h"
#include "engine/outlook.h"
#include "engine/supposing.h"
#include "engine/zero_shot.h"
#include "evaluate/interval.h"

namespace cangong {
namespace {

struct Estimate {
  double value = 0, standard_error = 0;
  std::size_t cut = 0;
};

// The mean over futures of the chance that each would have made the watched events happen. Exact in
// the mean, and nearer to it than the share of futures in which they do happen.
Estimate estimate(const DecoderFutures& simulator, FutureRequest wanted,
                  const FutureQuestion& question) {
  const auto futures = simulator.draw({&wanted, 1}, question.seed, question.threads).front();
  double sum = 0, squares = 0;
  Estimate told;
  for (const Future& future : futures) {
    const double chance = -std::expm1(-future.hazard);
    sum += chance, squares += chance * chance;
    told.cut += future.is_cut;
  }
  const auto count = static_cast<double>(futures.size());
  told.value = sum / count;
  const double spread = std::max(squares / count - told.value * told.value, 0.0);
  told.standard_error = std::sqrt(spread / (count - 1));
  return told;
}

double rate_of(const DecoderFutures& simulator, const FutureRequest& wanted,
               const std::vector<float>& watched) {
  const std::vector<double> rates = simulator.rates(wanted);
  double rate = 0;
  for (std::size_t id = 0; id < rates.size(); ++id)
    if (watched[id] > 0) rate += rates[id];
  return rate;
}

std::vector<std::int32_t> ids_of(const std::vector<float>& watched) {
  std::vector<std::int32_t> ids;
  for (std::size_t id = 0; id < watched.size(); ++id)
    if (watched[id] > 0) ids.push_back(static_cast<std::int32_t>(id));
  return ids;
}

std::vector<float> watched_codes(const AskRequest& request, const TokenVocabulary& vocabulary,
                                 std::vector<std::string>& names) {
  std::vector<float> watched(vocabulary.size());
  for (const std::int32_t id : vocabulary.ids_like(Pattern::require(request.codes, "--codes"))) {
    if (id < vocabulary.first_outcome()) continue;
    watched[static_cast<std::size_t>(id)] = 1;
    const std::string& code = vocabulary.token(id).code;
    if (names.empty() || names.back() != code) names.push_back(code);
  }
  if (names.empty())
    fail(Fault::input, "the model can foretell no code that --codes \"" + request.codes +
                           "\" finds; the codes that it knows are in the bundle's vocabulary.json");
  return watched;
}

// Codes that are asked about, are recorded already or supposed to be, and do not come twice.
void warn_of_happened(const AskedPatient& asked, const FutureRequest& wanted, AskReply& reply) {
  const FutureRules rules = asked.model.rules();
  for (const std::string& code : reply.codes) {
    const auto bars = [&](std::int32_t id) {
      return asked.model.vocabulary().token(id).code == code &&
             !rules.recurs[static_cast<std::size_t>(id)];
    };
    if (std::any_of(wanted.ids.begin(), wanted.ids.end(), bars) ||
        std::any_of(wanted.happened.begin(), wanted.happened.end(), bars))
      reply.warnings.push_back(code + " is recorded already, and nobody had it twice");
  }
}

void warn_of_cut(std::size_t cut, AskReply& reply) {
  reply.cut = cut;
  if (cut > 0)
    reply.warnings.push_back(std::to_string(cut) +
                             " futures have more events than are drawn; what "
                             "comes behind them is not counted");
}

// What was asked, for the trail.
std::string asked_for(const AskRequest& request) {
  nlohmann::ordered_json json;
  if (request.task) json["task"] = digest_of_file(request.task->string());
  if (!request.codes.empty()) json["codes"] = request.codes;
  for (const auto& [name, codes] : request.supposing.said())
    if (!codes.empty()) json[name] = codes;
  json["explained"] = request.explain;
  if (request.orders > 0) json["orders"] = request.orders;
  return json.dump();
}

// What every answer says.
AskReply begin_reply(const AskedPatient& asked, const FutureQuestion& question) {
  AskReply reply;
  reply.bundle = asked.bundle.digest(), reply.store = asked.store.digest();
  reply.model = asked.model.facts().name, reply.format = question.format;
  reply.synthetic = asked.store.inventory().synthetic || asked.model.facts().synthetic;
  reply.as_of = asked.moment.as_of, reply.futures = question.futures;
  if (asked.moment.history.unknown > 0)
    reply.warnings.push_back(std::to_string(asked.moment.history.unknown) +
                             " events of the record are of codes that the model does not know");
  return reply;
}

void tell_share(std::size_t yes, std::size_t all, AskReply& reply) {
  const auto n = static_cast<double>(all), p = static_cast<double>(yes) / n;
  const Interval around = wilson(p, n);
  reply.value = p, reply.standard_error = std::sqrt(p * (1 - p) / n);
  reply.low = around.low, reply.high = around.high, reply.taken = all;
}

// Each future is labelled as a record is, by the same rules.
AskReply ask_task(const AskRequest& request, const AskedPatient& asked, FutureRequest wanted) {
  const FutureQuestion& question = request.question;
  AskReply reply = begin_reply(asked, question);
  reply.method = "share of simulated futures";
  const FutureCodes codes(asked.store.codes(), asked.model.vocabulary());
  const Timeline known = asked.store.patient(asked.patient);
  const FutureRecord record(codes, known, asked.moment);
  const Task task = load_task(*request.task, request.predicates);
  if (task.outcome.kind != Outcome::Kind::boolean)
    fail(Fault::config, request.task->string() + ": only questions of yes or no can be asked yet");
  require_foretellable(task, asked.model.vocabulary());
  const Labeller labeller({task}, codes.codes());
  for (const std::string& warning : labeller.warnings()) reply.warnings.push_back(warning);
  reply.codes = {task.name};
  require_like(asked.model, wanted, reply.warnings);
  suppose(request.supposing, asked.model, wanted, reply.warnings);
  const TaskEnd end = end_of(task, asked.model.vocabulary());
  wanted.stops = end.stops, wanted.stops_from = asked.moment.until(end.from);
  const DecoderFutures simulator(asked.model.weights(), asked.model.rules(), question.device);
  const auto futures = simulator.draw({&wanted, 1}, question.seed, question.threads).front();
  const auto [taken, yes, cut] = share_of(labeller, record, asked.moment.as_of, futures, wanted);
  warn_of_cut(cut, reply);
  if (taken == 0)
    fail(Fault::input,
         "the task takes none of the futures: it has no example of this patient whose "
         "prediction is made at --as-of, or its windows reach beyond --years; "
         "cangong label shows when it has examples");
  if (taken < futures.size())
    reply.warnings.push_back("the task takes " + std::to_string(taken) + " of the " +
                             std::to_string(futures.size()) + " futures");
  tell_share(yes, taken, reply);
  record_asked(asked, question, {"ask", reply.value, asked_for(request)});
  return reply;
}

}  // namespace

AskReply ask_model(const AskRequest& request) {
  if (request.task.has_value() != request.codes.empty())
    fail(Fault::config, "what is asked is either codes or a task");
  if (request.task && (request.explain || request.orders > 0))
    fail(Fault::config, "--explain and --shares are for --codes; a task's answer has no rate");
  const FutureQuestion& question = request.question;
  const AskedPatient asked = asked_patient(question);
  FutureRequest wanted = asked.wanted(question);
  if (request.task) return ask_task(request, asked, std::move(wanted));
  AskReply reply = begin_reply(asked, question);
  reply.method = "hazards of simulated futures", reply.taken = question.futures;
  require_like(asked.model, wanted, reply.warnings);
  wanted.watched = watched_codes(request, asked.model.vocabulary(), reply.codes);
  const DecoderFutures simulator(asked.model.weights(), asked.model.rules(), question.device);
  if (!request.supposing.empty()) {
    reply.as_recorded = estimate(simulator, wanted, question).value;
    suppose(request.supposing, asked.model, wanted, reply.warnings);
  }
  const auto [value, standard_error, cut] = estimate(simulator, wanted, question);
  reply.value = value, reply.standard_error = standard_error;
  warn_of_happened(asked, wanted, reply), warn_of_cut(cut, reply);
  constexpr double kNormal = 1.96;
  reply.low = std::max(0.0, value - kNormal * standard_error);
  reply.high = std::min(1.0, value + kNormal * standard_error);
  reply.yearly_rate = rate_of(simulator, wanted, wanted.watched) * kDaysOfYear;
  if (request.explain)
    reply.reasons = driving_events(asked.model, wanted, ids_of(wanted.watched), question.threads);
  if (request.orders > 0)
    reply.shared = shared_rate(asked.model, wanted, ids_of(wanted.watched), request.orders,
                               question.threads);
  record_asked(asked, question, {"ask", reply.value, asked_for(request)});
  return reply;
}

}  // namespace cangong
