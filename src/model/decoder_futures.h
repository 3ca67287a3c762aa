// Futures of patients, drawn from a decoder's rates: each event that may happen has an exponential
// clock; when something happens comes first, then which (Gillespie 1976).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include <memory>

#include "kernel/device.h"
#include "model/decoder_weights.h"

namespace cangong {

// What may happen, by id of the vocabulary.
struct FutureRules {
  std::vector<std::uint8_t> happens;  // 0: an input, padding
  std::vector<std::uint8_t> recurs;   // 1: may happen again
  std::vector<std::uint8_t> ends;     // 1: nothing follows, such as death
  // Ids that stand for the same fact, [first, last), such as a code's parts: what happened to one
  // happened to all. Empty: each by itself.
  std::vector<std::pair<std::int32_t, std::int32_t>> kin = {};
  // What happened does not happen again, unless it recurs.
  void ban(std::int32_t id, float* may) const;
  std::pair<std::int32_t, std::int32_t> kin_of(std::int32_t id) const;  // [first, last)
};

struct FutureRequest {
  std::vector<std::int32_t> ids;            // the history, one event at least
  std::vector<float> days;                  // ages, ascending; the future begins at the last one
  std::vector<std::int32_t> happened = {};  // before the history that is looked back at
  float until = 0;                          // the age at which it ends
  std::size_t futures = 1;
  // By id, may be empty. Watched events do not happen: how likely each future made them is summed
  // up instead, which is exact where drawing would leave only yes or no.
  std::vector<float> watched = {};
  std::size_t most_events = 4096;  // of a future
  // By id, may be empty: from the age `stops_from` on, the first of these ends a future.
  std::vector<std::uint8_t> stops = {};
  float stops_from = 0;
  bool is_over(std::int32_t id, float age) const {
    return !stops.empty() && age >= stops_from && stops[static_cast<std::size_t>(id)];
  }
  // Ages, ascending: what is expected by each of them is summed up (see Expected). Nothing is
  // watched then.
  std::vector<float> tell_by = {};
};

// The share of futures that have each event. A future's rate of an event, summed up until it first
// happens, has the mean of whether it happens (it compensates the counting process; Andersen et al.
// 1993, II.4), and a smaller error the rarer the event; what most have is counted.
struct Expected {
  static constexpr double kCountedAbove = 0.5;
  std::vector<std::vector<double>> by;  // by age of `tell_by`, then id
  std::vector<double> standard_error;   // of the last age, by id
  std::vector<std::uint8_t> is_counted;
  // Ids that stand for one fact are told of together, at the first of them; the others are 0.
};

struct Future {
  std::vector<std::int32_t> ids;  // "no event" among them
  std::vector<float> days;        // ages
  double hazard = 0;              // of what is watched, until the end
  bool is_cut = false;            // it has as many events as may be, before its time is over
};

class DeviceFutures;

class DecoderFutures {
 public:
  // The weights must outlive it. Throws Fault::missing where there is no such device.
  DecoderFutures(const DecoderWeights& weights, FutureRules rules,
                 Device device = Device::processor);
  // By libtorch on processors too, where it is slower: to compare.
  static DecoderFutures by_torch(const DecoderWeights& weights, FutureRules rules, Device device);
  DecoderFutures(DecoderFutures&&) noexcept;
  ~DecoderFutures();

  // `expected`, if any, has room for each request.
  // By request. The same futures whatever else is asked beside and however many threads there are;
  // on a device others, though of the same law, where other requests stand beside.
  // Throws Fault::input where a history is empty or not of the vocabulary.
  std::vector<std::vector<Future>> draw(std::span<const FutureRequest> requests, std::uint64_t seed,
                                        std::size_t threads,
                                        std::span<Expected> expected = {}) const;
  // Rates a day of what may happen, behind the history.
  std::vector<double> rates(const FutureRequest& request) const;
  // Rates a day of what may happen, by id, behind the history without its event at each of these
  // places (ascending, the last one not among them): use(k, rates) for places[k], never twice, by
  // several threads at once. What happened, the event that is left out too, stays barred from
  // happening again.
  void each_rates_without(
      const FutureRequest& request, std::span<const std::size_t> places, std::size_t threads,
      const std::function<void(std::size_t, std::span<const double>)>& use) const;

 private:
  std::vector<std::vector<Future>> draw_on_device(std::span<const FutureRequest> requests,
                                                  std::uint64_t seed,
                                                  std::span<Expected> expected) const;

  const DecoderWeights& weights_;
  FutureRules rules_;
  std::unique_ptr<DeviceFutures> device_;  // null: processors, by kernels of our own
};

}  // namespace cangong
