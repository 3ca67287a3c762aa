#include "model/decoder_futures.h"

#include <atomic>
#include <cmath>
#include <memory>
#include <mutex>
#include <set>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random.h"
#include "model/decoder_pass.h"
#include "model/decoder_step.h"
#include "model/device_futures.h"
#include "model/leave_one_out.h"
#include "model/torch_library.h"

namespace cangong {
namespace {

constexpr std::size_t kTogether = 120;    // futures that a thread advances at once
constexpr std::size_t kWorthAThread = 8;  // futures
constexpr std::size_t kPeople = 256;      // whose histories are kept at once

// What all futures of a request share.
struct Beginning {
  DecoderCache cache;
  Floats logits, may;  // behind the history; what may still happen
};

void check(const FutureRequest& request, std::size_t vocabulary) {
  if (request.ids.empty() || request.ids.size() != request.days.size())
    fail(Fault::input, "a history without events: nothing can follow");
  for (const std::int32_t id : request.ids)
    if (id <= 0 || static_cast<std::size_t>(id) >= vocabulary)
      fail(Fault::input, "an event that the model's vocabulary does not have");
  for (const std::int32_t id : request.happened)
    if (id <= 0 || static_cast<std::size_t>(id) >= vocabulary)
      fail(Fault::input, "an event that the model's vocabulary does not have");
  if ((!request.watched.empty() && request.watched.size() != vocabulary) ||
      (!request.stops.empty() && request.stops.size() != vocabulary))
    fail(Fault::internal, "what is watched, and what stops, is told of every id");
  for (std::size_t i = 1; i < request.days.size(); ++i)
    if (!(request.days[i] >= request.days[i - 1]))
      fail(Fault::input, "the events of a history are not in the order of time");
}

// What may still happen, watched or not.
Floats may_of(const FutureRequest& request, const FutureRules& rules) {
  Floats may(rules.happens.size());
  for (std::size_t id = 0; id < may.size(); ++id) may[id] = rules.happens[id];
  for (const std::int32_t id : request.ids) rules.ban(id, may.data());
  for (const std::int32_t id : request.happened) rules.ban(id, may.data());
  return may;
}

// Of it, what is not watched.
Floats drawn_of(const FutureRequest& request, const FutureRules& rules) {
  Floats may = may_of(request, rules);
  for (std::size_t id = 0; id < request.watched.size(); ++id)
    if (request.watched[id] > 0) may[id] = 0;
  return may;
}

std::unique_ptr<Beginning> begin(const FutureRequest& request, const FutureRules& rules,
                                 DecoderPass& pass, const DecoderWeights& weights) {
  const DelphiShape& shape = weights.shape();
  auto own = std::make_unique<Beginning>(
      Beginning{{shape.layers, shape.width, weights.format()}, Floats(shape.vocabulary), {}});
  const DecoderRows rows = decoder_rows(request.ids, request.days);
  pass.forward({rows, 0, 1});
  pass.keep({rows, 0, 1}, own->cache);
  pass.last_logits(own->logits.data());
  own->may = drawn_of(request, rules);
  return own;
}

// What is watched and may still happen.
Floats watch_of(const FutureRequest& request, const FutureRules& rules) {
  Floats watch(request.watched.size());
  for (std::size_t id = 0; id < request.watched.size(); ++id)
    watch[id] = rules.happens[id] ? request.watched[id] : 0;
  if (watch.size() == 0) return watch;
  for (const std::int32_t id : request.ids) rules.ban(id, watch.data());
  for (const std::int32_t id : request.happened) rules.ban(id, watch.data());
  return watch;
}

// Sums over the futures of one request, in whole numbers: the same in whatever order the threads
// add.
class Tally {
 public:
  Tally(const FutureRequest& request, const FutureRules& rules)
      : request_(request),
        rules_(rules),
        vocabulary_(rules.happens.size()),
        sums_(request.tell_by.size(), std::vector<std::int64_t>(vocabulary_)),
        counts_(request.tell_by.size(), std::vector<std::uint32_t>(vocabulary_)),
        squares_(vocabulary_) {}

  // `summed`: the future's rates summed up between each age and the one before, by id.
  void add(const Future& future, const float* summed) {
    std::vector<double> until(vocabulary_);
    std::set<std::size_t> came;
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < future.ids.size(); ++i) {
      const std::size_t fact = first_of(static_cast<std::size_t>(future.ids[i]));
      if (!came.insert(fact).second) continue;
      for (std::size_t k = counts_.size(); k-- > 0 && future.days[i] <= request_.tell_by[k];)
        ++counts_[k][fact];
    }
    for (std::size_t k = 0; k < sums_.size(); ++k) {
      for (std::size_t id = 0; id < vocabulary_; ++id)
        until[first_of(id)] += summed[k * vocabulary_ + id];
      for (std::size_t id = 0; id < vocabulary_; ++id)
        sums_[k][id] += static_cast<std::int64_t>(until[id] * kOne);
    }
    for (std::size_t id = 0; id < vocabulary_; ++id)
      squares_[id] += static_cast<Wide>(until[id] * until[id] * kOneSquared);
    ++futures_;
  }

  Expected told() const {
    const auto count = static_cast<double>(futures_);
    Expected expected;
    expected.by.assign(sums_.size(), std::vector<double>(vocabulary_));
    expected.is_counted.assign(vocabulary_, 0), expected.standard_error.assign(vocabulary_, 0);
    for (std::size_t id = 0; id < vocabulary_; ++id) {
      const double mean = static_cast<double>(sums_.back()[id]) / kOne / count;
      const bool is_counted = mean > Expected::kCountedAbove;
      for (std::size_t k = 0; k < sums_.size(); ++k)
        expected.by[k][id] =
            (is_counted ? counts_[k][id] : static_cast<double>(sums_[k][id]) / kOne) / count;
      const double share = expected.by.back()[id];
      const double square = static_cast<double>(squares_[id]) / kOneSquared / count;
      const double spread =
          is_counted ? share * (1 - share) : std::max(square - share * share, 0.0);
      expected.is_counted[id] = is_counted;
      expected.standard_error[id] = futures_ > 1 ? std::sqrt(spread / (count - 1)) : 0;
    }
    return expected;
  }

 private:
  __extension__ using Wide = __int128;
  static constexpr double kOne = 0x1p32, kOneSquared = 0x1p60;
  std::size_t first_of(std::size_t id) const {
    return static_cast<std::size_t>(rules_.kin_of(static_cast<std::int32_t>(id)).first);
  }

  const FutureRequest& request_;
  const FutureRules& rules_;
  std::size_t vocabulary_;
  std::vector<std::vector<std::int64_t>> sums_;
  std::vector<std::vector<std::uint32_t>> counts_;
  std::vector<Wide> squares_;
  std::size_t futures_ = 0;
  std::mutex mutex_;
};

// One future while it is drawn.
struct Course {
  const FutureRequest* request = nullptr;
  const Beginning* beginning = nullptr;
  const Floats* watch = nullptr;
  Future* future = nullptr;
  Tally* tally = nullptr;
  Random random{0};
  DecoderCache cache;
  Floats may;
  // Where something is told of: what has not happened yet, and the summed rates, by age and id.
  Floats waits, summed;
  float days = 0;
  bool is_over = false;

  explicit Course(const DecoderWeights& weights)
      : cache(weights.shape().layers, weights.shape().width, weights.format()) {}

  // The next event by the logits behind the last one.
  void draw(const float* logits, const FutureRules& rules, Floats& rates) {
    const std::size_t count = may.size();
    rates.resize(count);
    const double total = kernels().rates(logits, may.data(), rates.data(), count);
    const double wait = total > 0 ? -std::log1p(-random.uniform()) / total : INFINITY;
    const double target = random.uniform() * total, left = double{request->until} - days;
    const auto id = kernels().pick(rates.data(), count, target);
    if (watch->size() > 0)
      future->hazard += std::min(wait, left) *
                        kernels().rates(logits, watch->data(), rates.data(), watch->size());
    const auto then = static_cast<float>(days + wait);
    if (tally) sum_up(rates, std::min(wait, left));
    if (!(wait < left) || future->ids.size() >= request->most_events) {
      future->is_cut = wait < left;
      return void(is_over = true);
    }
    days = then;
    future->ids.push_back(static_cast<std::int32_t>(id)), future->days.push_back(then);
    rules.ban(static_cast<std::int32_t>(id), may.data());
    if (tally) {
      const auto [first, last] = rules.kin_of(static_cast<std::int32_t>(id));
      std::fill(waits.data() + first, waits.data() + last, 0.0f);
    }
    is_over = rules.ends[id] || request->is_over(static_cast<std::int32_t>(id), then);
  }

  void end() {
    if (tally) tally->add(*future, summed.data());
  }

  void begin_sums() {
    if (!tally) return;
    const std::size_t vocabulary = may.size();
    waits.resize(vocabulary), summed.resize(request->tell_by.size() * vocabulary);
    std::fill_n(waits.data(), waits.size(), 1.0f), std::fill_n(summed.data(), summed.size(), 0.0f);
  }

 private:
  // Over so many days from the present age on, by the ages that are told of. In double: an age as a
  // float has steps of minutes, longer than what lies between events of one moment.
  void sum_up(const Floats& rates, double wait) {
    const std::size_t vocabulary = may.size();
    double from = 0;
    for (std::size_t k = 0; k < request->tell_by.size() && from < wait; ++k) {
      const double end = std::min(wait, double{request->tell_by[k]} - double{days});
      if (!(end > from)) continue;
      const auto length = static_cast<float>(end - from);
      float* sums = summed.data() + k * vocabulary;
      for (std::size_t id = 0; id < vocabulary; ++id) sums[id] += rates[id] * waits[id] * length;
      from = end;
    }
  }
};

std::uint64_t seed_of_future(std::uint64_t seed, std::size_t request, std::size_t future) {
  Random random(seed ^ (0x9e3779b97f4a7c15 * (request + 1)));
  return random.next() + future * 0xd1b54a32d192ed03;
}

// The futures of some requests, each drawn by whichever thread is free.
class Crew {
 public:
  Crew(const DecoderWeights& weights, const FutureRules& rules,
       std::span<const FutureRequest> requests, std::size_t first, std::uint64_t seed)
      : weights_(weights),
        rules_(rules),
        requests_(requests),
        first_(first),
        seed_(seed),
        beginnings_(requests.size()),
        watches_(requests.size()) {
    for (std::size_t i = 0; i < requests.size(); ++i)
      for (std::size_t f = 0; f < requests[i].futures; ++f) places_.push_back({i, f});
    for (const FutureRequest& request : requests)
      tallies_.push_back(request.tell_by.empty() ? nullptr
                                                 : std::make_unique<Tally>(request, rules));
  }

  void tell(std::span<Expected> expected) const {
    for (std::size_t i = 0; i < tallies_.size(); ++i)
      if (tallies_[i]) expected[i] = tallies_[i]->told();
  }

  void begin_people() {
    DecoderPass pass(weights_);
    for (std::size_t i = next_person_++; i < requests_.size(); i = next_person_++) {
      beginnings_[i] = begin(requests_[i], rules_, pass, weights_);
      watches_[i] = watch_of(requests_[i], rules_);
    }
  }

  void draw(std::vector<std::vector<Future>>& into, std::size_t threads) {
    const std::size_t crew = std::min(threads, futures() / kWorthAThread + 1);
    const std::size_t together = std::min(kTogether, (futures() + crew - 1) / crew);
    parallel_for(crew, threads, [&](std::size_t) { draw_some(into, together); });
  }

 private:
  struct Place {
    std::size_t request, future;
  };

  std::size_t futures() const { return places_.size(); }

  // What a thread does, until no future is left. A course that is over makes room for the next.
  void draw_some(std::vector<std::vector<Future>>& into, std::size_t together) {
    DecoderStep step(weights_);
    Floats rates;
    std::vector<std::unique_ptr<Course>> courses;
    std::vector<DecoderStep::Row> rows;
    for (std::size_t i = 0; i < together; ++i) {
      auto course = std::make_unique<Course>(weights_);
      if (!renew(*course, into, rates)) break;
      courses.push_back(std::move(course));
    }
    while (!courses.empty()) {
      rows.clear();
      for (const auto& course : courses)
        rows.push_back(
            {course->future->ids.back(), course->days, &course->beginning->cache, &course->cache});
      const float* logits = step.advance(rows);
      for (std::size_t i = 0; i < courses.size(); ++i)
        courses[i]->draw(logits + i * step.logit_stride(), rules_, rates);
      std::erase_if(courses, [&](auto& course) {
        if (!course->is_over) return false;
        course->end();
        return !renew(*course, into, rates);
      });
    }
  }

  // Begins the next future; false where there is none.
  bool renew(Course& course, std::vector<std::vector<Future>>& into, Floats& rates) {
    for (std::size_t place = next_++; place < places_.size(); place = next_++) {
      const auto [i, f] = places_[place];
      course.request = &requests_[i], course.beginning = beginnings_[i].get();
      course.watch = &watches_[i], course.future = &into[first_ + i][f];
      course.random = Random(seed_of_future(seed_, first_ + i, f));
      course.cache.clear();
      course.may.resize(beginnings_[i]->may.size());
      std::copy_n(beginnings_[i]->may.data(), course.may.size(), course.may.data());
      course.days = course.request->days.back(), course.is_over = false;
      course.tally = tallies_[i].get(), course.begin_sums();
      course.draw(beginnings_[i]->logits.data(), rules_, rates);
      if (!course.is_over) return true;
      course.end();
    }
    return false;
  }

  const DecoderWeights& weights_;
  const FutureRules& rules_;
  std::span<const FutureRequest> requests_;
  std::size_t first_;
  std::uint64_t seed_;
  std::vector<std::unique_ptr<Beginning>> beginnings_;
  std::vector<Floats> watches_;
  std::vector<std::unique_ptr<Tally>> tallies_;
  std::vector<Place> places_;
  std::atomic<std::size_t> next_person_{0}, next_{0};
};

std::unique_ptr<DeviceFutures> device_futures(const DecoderWeights& weights,
                                              const FutureRules& rules, Device device) {
  if (weights.shape().additive) fail(Fault::config, kAdditiveByKernels);
  static const auto make = reinterpret_cast<MakeDeviceFutures>(torch_symbol(kMakeDeviceFutures));
  std::unique_ptr<DeviceFutures> futures;
  make({weights.shape(), weights.data(), weights.size(), weights.format(), rules, device,
        default_threads()},
       futures);
  return futures;
}

}  // namespace

std::pair<std::int32_t, std::int32_t> FutureRules::kin_of(std::int32_t id) const {
  return kin.empty() ? std::pair(id, id + 1) : kin[static_cast<std::size_t>(id)];
}

void FutureRules::ban(std::int32_t id, float* may) const {
  if (recurs[static_cast<std::size_t>(id)]) return;
  const auto [first, last] = kin_of(id);
  std::fill(may + first, may + last, 0.0f);
}

DecoderFutures::DecoderFutures(const DecoderWeights& weights, FutureRules rules, Device device)
    : weights_(weights), rules_(std::move(rules)) {
  const std::size_t vocabulary = weights.shape().vocabulary;
  ensure(rules_.happens.size() == vocabulary && rules_.recurs.size() == vocabulary &&
             rules_.ends.size() == vocabulary,
         "the rules are those of the vocabulary");
  if (device != Device::processor) device_ = device_futures(weights_, rules_, device);
}

DecoderFutures::DecoderFutures(DecoderFutures&&) noexcept = default;
DecoderFutures::~DecoderFutures() = default;

DecoderFutures DecoderFutures::by_torch(const DecoderWeights& weights, FutureRules rules,
                                        Device device) {
  DecoderFutures own(weights, std::move(rules));
  own.device_ = device_futures(own.weights_, own.rules_, device);
  return own;
}

std::vector<double> DecoderFutures::rates(const FutureRequest& request) const {
  check(request, weights_.shape().vocabulary);
  DecoderPass pass(weights_);
  FutureRequest plain = request;
  plain.watched.clear();
  const auto own = begin(plain, rules_, pass, weights_);
  std::vector<double> all(own->may.size());
  for (std::size_t id = 0; id < all.size(); ++id)
    all[id] = own->may[id] > 0 ? std::exp(double{own->logits[id]}) : 0;
  return all;
}

void DecoderFutures::each_rates_without(
    const FutureRequest& request, std::span<const std::size_t> places, std::size_t threads,
    const std::function<void(std::size_t, std::span<const double>)>& use) const {
  const std::size_t vocabulary = weights_.shape().vocabulary;
  check(request, vocabulary);
  const Floats may = may_of(request, rules_);
  leave_one_out(weights_, {request.ids, request.days}, places, threads,
                [&](std::size_t place, const float* logits) {
                  std::vector<double> rates(vocabulary);
                  for (std::size_t id = 0; id < vocabulary; ++id)
                    if (may[id] > 0) rates[id] = std::exp(double{logits[id]});
                  const auto at = std::lower_bound(places.begin(), places.end(), place);
                  use(static_cast<std::size_t>(at - places.begin()), rates);
                });
}

std::vector<std::vector<Future>> DecoderFutures::draw(std::span<const FutureRequest> requests,
                                                      std::uint64_t seed, std::size_t threads,
                                                      std::span<Expected> expected) const {
  for (const FutureRequest& request : requests) {
    check(request, weights_.shape().vocabulary);
    ensure(
        request.tell_by.empty() || (request.watched.empty() && expected.size() == requests.size()),
        "what is expected is told where there is room, and nothing is watched");
    ensure(request.stops.empty() || (request.watched.empty() && request.tell_by.empty()),
           "what stops early sums nothing up");
  }
  if (device_) return draw_on_device(requests, seed, expected);
  std::vector<std::vector<Future>> all(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) all[i].resize(requests[i].futures);
  for (std::size_t from = 0; from < requests.size(); from += kPeople) {
    const auto part = requests.subspan(from, std::min(kPeople, requests.size() - from));
    Crew crew(weights_, rules_, part, from, seed);
    parallel_for(std::min(threads, part.size()), threads,
                 [&](std::size_t) { crew.begin_people(); });
    crew.draw(all, threads);
    if (!expected.empty()) crew.tell(expected.subspan(from));
  }
  return all;
}

std::vector<std::vector<Future>> DecoderFutures::draw_on_device(
    std::span<const FutureRequest> requests, std::uint64_t seed,
    std::span<Expected> expected) const {
  std::vector<std::vector<Future>> all(requests.size());
  std::vector<Floats> may, watch;
  std::vector<DeviceQuestion> questions;
  std::vector<std::unique_ptr<Tally>> tallies(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const FutureRequest& request = requests[i];
    all[i].resize(request.futures);
    may.push_back(drawn_of(request, rules_)), watch.push_back(watch_of(request, rules_));
    questions.push_back(
        {request, may.back().data(), watch.back().size() > 0 ? watch.back().data() : nullptr});
    if (!request.tell_by.empty()) tallies[i] = std::make_unique<Tally>(request, rules_);
  }
  device_->draw(questions, seed,
                [&](std::size_t request, std::size_t future, Future&& drawn, const float* summed) {
                  all[request][future] = std::move(drawn);
                  if (tallies[request]) tallies[request]->add(all[request][future], summed);
                });
  for (std::size_t i = 0; i < tallies.size(); ++i)
    if (tallies[i]) expected[i] = tallies[i]->told();
  return all;
}

}  // namespace cangong
