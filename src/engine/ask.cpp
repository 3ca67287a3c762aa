#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/question.h"

namespace cangong {
namespace {

struct Estimate {
  double value = 0, standard_error = 0;
};

// The mean over futures of the chance that each would have made the watched events happen. Exact in
// the mean, and nearer to it than the share of futures in which they do happen.
Estimate estimate(const DecoderFutures& simulator, FutureRequest wanted,
                  const FutureQuestion& question) {
  const auto futures = simulator.draw({&wanted, 1}, question.seed, question.threads).front();
  double sum = 0, squares = 0;
  for (const Future& future : futures) {
    const double chance = -std::expm1(-future.hazard);
    sum += chance, squares += chance * chance;
  }
  const auto count = static_cast<double>(futures.size());
  const double mean = sum / count;
  return {mean, std::sqrt(std::max(squares / count - mean * mean, 0.0) / count)};
}

double rate_of(const DecoderFutures& simulator, const FutureRequest& wanted,
               const std::vector<float>& watched) {
  const std::vector<double> rates = simulator.rates(wanted);
  double rate = 0;
  for (std::size_t id = 0; id < rates.size(); ++id)
    if (watched[id] > 0) rate += rates[id];
  return rate;
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
                           "\" finds; cangong models lists what it knows");
  return watched;
}

// What is taken for recorded, at the moment of the question, and a warning where few ever had it.
void add_with(const AskRequest& request, const AskedPatient& asked, FutureRequest& wanted,
              std::vector<std::string>& warnings) {
  const TokenVocabulary& vocabulary = asked.model.vocabulary();
  for (const std::string& code : request.with) {
    const auto ids = vocabulary.ids_of(code);
    if (ids.empty()) fail(Fault::input, "--with: the model knows no code \"" + code + "\"");
    wanted.ids.insert(wanted.ids.end() - 1, ids.front());
    wanted.days.insert(wanted.days.end() - 1, wanted.days.back());
    const std::uint64_t people = vocabulary.token(ids.front()).people;
    constexpr std::uint64_t kFew = 100;
    if (people < kFew)
      warnings.push_back("only " + std::to_string(people) + " training patients had " + code);
  }
  if (!request.with.empty())
    warnings.push_back("association, not effect: who had it differed in other ways, too");
}

// The rate now, with each past event to without it; exact, one pass for each.
std::vector<PastEvent> reasons_of(const DecoderFutures& simulator, const AskedPatient& asked,
                                  const FutureRequest& wanted, const std::vector<float>& watched) {
  const double whole = rate_of(simulator, wanted, watched);
  const TokenVocabulary& vocabulary = asked.model.vocabulary();
  std::vector<PastEvent> reasons;
  for (std::size_t i = 0; i + 1 < wanted.ids.size(); ++i) {
    const Token& token = vocabulary.token(wanted.ids[i]);
    if (token.kind == Token::Kind::no_event) continue;
    FutureRequest without = wanted;
    without.ids.erase(without.ids.begin() + static_cast<std::ptrdiff_t>(i));
    without.days.erase(without.days.begin() + static_cast<std::ptrdiff_t>(i));
    reasons.push_back(
        {token.name(), wanted.days[i] / 365.25, whole / rate_of(simulator, without, watched)});
  }
  std::stable_sort(reasons.begin(), reasons.end(), [](const auto& a, const auto& b) {
    return std::abs(std::log(a.ratio)) > std::abs(std::log(b.ratio));
  });
  constexpr std::size_t kMost = 20;
  if (reasons.size() > kMost) reasons.resize(kMost);
  return reasons;
}

}  // namespace

AskReply ask_model(const AskRequest& request) {
  const FutureQuestion& question = request.question;
  const AskedPatient asked = asked_patient(question);
  const TimelineModel& model = asked.model;
  AskReply reply;
  FutureRequest wanted = question_of(model, asked.history, asked.age_days);
  wanted.watched = watched_codes(request, model.vocabulary(), reply.codes);
  wanted.until = asked.until(question.horizon), wanted.futures = question.futures;
  const DecoderFutures simulator(model.weights(), model.rules());
  if (!request.with.empty()) {
    reply.without = estimate(simulator, wanted, question).value;
    add_with(request, asked, wanted, reply.warnings);
  }
  const auto [value, standard_error] = estimate(simulator, wanted, question);
  reply.bundle = asked.bundle.digest(), reply.store = asked.store.digest();
  reply.model = model.facts().name, reply.method = "hazards of simulated futures";
  reply.synthetic = asked.store.inventory().synthetic || model.facts().synthetic;
  reply.as_of = asked.as_of, reply.futures = question.futures;
  reply.value = value, reply.standard_error = standard_error;
  constexpr double kNormal = 1.96;
  reply.low = std::max(0.0, value - kNormal * standard_error);
  reply.high = std::min(1.0, value + kNormal * standard_error);
  constexpr double kDaysOfYear = 365.25;
  reply.yearly_rate = rate_of(simulator, wanted, wanted.watched) * kDaysOfYear;
  if (asked.history.unknown > 0)
    reply.warnings.push_back(std::to_string(asked.history.unknown) +
                             " events of the record are of codes that the model does not know");
  if (request.explain) reply.reasons = reasons_of(simulator, asked, wanted, wanted.watched);
  record_asked(asked, question, "ask", value);
  return reply;
}

}  // namespace cangong
