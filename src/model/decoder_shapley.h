// How the present rate of some outcomes is shared among past events: Shapley values (Shapley 1953)
// of the logarithm of the rate, sampled by orders in which events are added to a record that has
// none of them (Castro et al. 2009), each order and its reverse (Mitchell et al. 2022).
#pragma once

#include <span>
#include <vector>

#include "model/decoder_weights.h"

namespace cangong {

struct EventShares {
  std::vector<double> share, standard_error;  // of each event; the error is of the sampling
  // Logarithms of the rate a day: of the whole record, and without all of these events. Shares add
  // up to their difference.
  double with_all = 0, with_none = 0;
};

struct ShapleyOptions {
  std::size_t orders = 32;  // even
  std::uint64_t seed = 1;
  std::size_t threads = 1;
};

// `places`: of the events that share (ascending, the last row not among them); the others stay.
// `counted`: by id, whether its rate is meant. The same on any number of threads.
EventShares shapley_of_events(const DecoderWeights& weights, const DecoderInput& history,
                              std::span<const std::size_t> places,
                              std::span<const std::uint8_t> counted, const ShapleyOptions& options);

}  // namespace cangong
