// The additive part of a decoder: what each event that a row ever had adds to its last state.
// Attention averages over what it sees, so that what it tells of one event thins out as records
// grow; here nothing thins out, and logits are sums over events, as in a model of proportional
// hazards (Cox 1972), beside what the network makes of them together.
#pragma once

#include <span>
#include <vector>

#include "model/decoder_rows.h"
#include "model/decoder_weights.h"

namespace cangong {

// Working memory of one thread. A row has had its own event and those that it sees.
class EverHad {
 public:
  void add(const DecoderWeights& weights, const DecoderPart& part, const Rows2D& states);
  // Adds to `gradient`, laid out as the weights, what derivatives by the states say of them.
  void back(const DecoderWeights& weights, const DecoderPart& part, const Rows2D& d_states,
            float* gradient);

 private:
  void look_at(std::span<const std::int32_t> ids, std::size_t vocabulary);
  bool is_first(std::size_t row) const { return first_[row] == row; }

  std::vector<std::uint32_t> first_;  // by a person's row: where the event was had first
  std::vector<std::uint32_t> found_;  // by id; none between persons
  Floats sums_;                       // over what rows [0, i) had, or of derivatives by them
};

}  // namespace cangong
