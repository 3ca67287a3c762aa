#include "engine/outlook.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/question.h"
#include "evaluate/interval.h"
#include "model/decoder_shapley.h"

namespace cangong {
namespace {

constexpr const char* kDeath = "MEDS_DEATH";

// Whole years where there are not too many.
std::vector<double> years_until(double end) {
  constexpr double kMostSteps = 20;
  const double step = end <= kMostSteps ? 1 : end / kMostSteps;
  std::vector<double> years{0};
  while (years.back() + 1.001 * step < end) years.push_back(years.back() + step);
  years.push_back(end);
  return years;
}

ComingCode coming_code(const Expected& expected, std::int32_t id, const Outlook& told) {
  const auto place = static_cast<std::size_t>(id);
  ComingCode coming;
  coming.by.push_back(0);
  for (const auto& shares : expected.by) coming.by.push_back(shares[place]);
  coming.share = coming.by.back();
  coming.is_counted = expected.is_counted[place];
  if (coming.is_counted) {
    const Interval around = wilson(coming.share, static_cast<double>(told.futures));
    coming.low = around.low, coming.high = around.high;
  } else {
    constexpr double kNormal = 1.96;
    const double half = kNormal * expected.standard_error[place];
    coming.low = std::max(coming.share - half, 0.0);
    coming.high = std::min(coming.share + half, 1.0);
  }
  return coming;
}

std::vector<std::array<double, 5>> events_by(const std::vector<Future>& futures,
                                             const std::vector<double>& years, float from) {
  std::vector<std::array<double, 5>> all;
  std::vector<double> counts;
  for (const double year : years) {
    counts.clear();
    for (const Future& future : futures) {
      double events = 0;
      for (std::size_t i = 0; i < future.ids.size(); ++i)
        events += future.ids[i] != TokenVocabulary::kNoEvent &&
                  double{future.days[i]} - from <= year * kDaysOfYear;
      counts.push_back(events);
    }
    std::sort(counts.begin(), counts.end());
    const auto at = [&](double share) {
      return counts[static_cast<std::size_t>(share * static_cast<double>(counts.size() - 1) + .5)];
    };
    all.push_back({at(.05), at(.25), at(.5), at(.75), at(.95)});
  }
  return all;
}

}  // namespace

Outlook outlook(const TimelineModel& model, FutureRequest request, const Drawing& drawing) {
  const float from = request.days.back();
  Outlook told;
  told.age_years = from / kDaysOfYear, told.futures = request.futures;
  told.years = years_until((double{request.until} - from) / kDaysOfYear);
  for (std::size_t k = 1; k < told.years.size(); ++k)
    request.tell_by.push_back(static_cast<float>(from + told.years[k] * kDaysOfYear));
  request.tell_by.back() = request.until;
  const DecoderFutures simulator(model.weights(), model.rules());
  std::vector<Expected> expected(1);
  const auto futures =
      simulator.draw({&request, 1}, drawing.seed, drawing.threads, expected).front();
  told.events = events_by(futures, told.years, from);
  for (const Future& future : futures) told.cut += future.is_cut;
  std::map<std::string, double> rates;
  const auto by_id = simulator.rates(request);
  for (std::size_t id = 0; id < by_id.size(); ++id)
    rates[model.vocabulary().token(static_cast<std::int32_t>(id)).code] += by_id[id] * kDaysOfYear;
  const TokenVocabulary& vocabulary = model.vocabulary();
  for (std::int32_t id = vocabulary.first_outcome();
       id < static_cast<std::int32_t>(vocabulary.size()); ++id) {
    if (vocabulary.token(id).part > 0) continue;  // told with the code
    const std::string& code = vocabulary.token(id).code;
    ComingCode coming = coming_code(expected.front(), id, told);
    if (!(coming.share > 0)) continue;
    coming.code = code, coming.yearly_rate = rates[code];
    told.codes.push_back(std::move(coming));
  }
  told.alive.assign(told.years.size(), 1);
  for (const ComingCode& coming : told.codes)
    if (coming.code == kDeath)
      for (std::size_t k = 0; k < coming.by.size(); ++k) told.alive[k] -= coming.by[k];
  std::stable_sort(told.codes.begin(), told.codes.end(),
                   [](const auto& a, const auto& b) { return a.share > b.share; });
  if (told.codes.size() > drawing.most) told.codes.resize(drawing.most);
  return told;
}

namespace {

// Of past events; facts of birth, and that nothing happened, are none.
std::vector<std::size_t> places_of_events(const TokenVocabulary& vocabulary,
                                          const FutureRequest& request) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i + 1 < request.ids.size(); ++i)
    if (vocabulary.token(request.ids[i]).kind == Token::Kind::outcome) places.push_back(i);
  return places;
}

}  // namespace

std::optional<SharedRate> shared_rate(const TimelineModel& model, const FutureRequest& request,
                                      const std::vector<std::int32_t>& outcomes,
                                      std::size_t orders, std::size_t threads) {
  const TokenVocabulary& vocabulary = model.vocabulary();
  FutureRequest plain = request;
  plain.watched.clear();
  const auto rates = DecoderFutures(model.weights(), model.rules()).rates(plain);
  std::vector<std::uint8_t> counted(rates.size());
  for (const std::int32_t id : outcomes) {
    const auto place = static_cast<std::size_t>(id);
    counted[place] = rates[place] > 0;
  }
  if (std::none_of(counted.begin(), counted.end(), [](std::uint8_t one) { return one; })) return {};
  const auto places = places_of_events(vocabulary, plain);
  const EventShares told = shapley_of_events(model.weights(), {plain.ids, plain.days}, places,
                                             counted, {orders, 1, threads});
  SharedRate shared;
  shared.orders = orders;
  shared.with_all = std::exp(told.with_all) * kDaysOfYear;
  shared.with_none = std::exp(told.with_none) * kDaysOfYear;
  for (std::size_t k = 0; k < places.size(); ++k)
    shared.events.push_back({vocabulary.token(plain.ids[places[k]]).name(),
                             plain.days[places[k]] / kDaysOfYear, told.share[k],
                             told.standard_error[k]});
  std::stable_sort(shared.events.begin(), shared.events.end(), [](const auto& a, const auto& b) {
    return std::abs(a.share) > std::abs(b.share);
  });
  return shared;
}

std::vector<PastEvent> driving_events(const TimelineModel& model, const FutureRequest& request,
                                      const std::vector<std::int32_t>& outcomes,
                                      std::size_t threads, std::size_t most) {
  const TokenVocabulary& vocabulary = model.vocabulary();
  const DecoderFutures simulator(model.weights(), model.rules());
  const auto sum = [&](std::span<const double> rates) {
    double all = 0;
    for (const std::int32_t id : outcomes) all += rates[static_cast<std::size_t>(id)];
    return all;
  };
  FutureRequest plain = request;
  plain.watched.clear();
  const double present = sum(simulator.rates(plain));
  if (!(present > 0)) return {};
  const auto places = places_of_events(vocabulary, plain);
  std::vector<PastEvent> events(places.size());
  simulator.each_rates_without(
      plain, places, threads, [&](std::size_t k, std::span<const double> rates) {
        events[k] = {vocabulary.token(plain.ids[places[k]]).name(),
                     plain.days[places[k]] / kDaysOfYear, present / sum(rates)};
      });
  std::stable_sort(events.begin(), events.end(), [](const auto& a, const auto& b) {
    return std::abs(std::log(a.ratio)) > std::abs(std::log(b.ratio));
  });
  if (events.size() > most) events.resize(most);
  return events;
}

}  // namespace cangong
