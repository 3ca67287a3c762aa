// How like a record is to those that a model of timelines learnt from: conformal anomaly detection
// (Laxhammar and Falkman 2010), by how much the record's events surprise the model.
#pragma once

#include <optional>
#include <vector>

#include "model/decoder_rows.h"
#include "model/decoder_weights.h"

namespace cangong {

// Mean cross-entropy of the events that could be foretold, nats an event; none where they are
// fewer than `fewest`.
std::optional<double> surprise_of(const DecoderWeights& weights,
                                  const std::vector<std::int32_t>& ids,
                                  const std::vector<float>& days, std::int32_t first_outcome,
                                  std::size_t fewest = 5);

// Of records that did not train: their surprises, ascending; at most a thousand are kept.
class Likeness {
 public:
  static constexpr std::size_t kMost = 1000;

  Likeness() = default;
  explicit Likeness(std::vector<double> surprises);

  const std::vector<double>& surprises() const { return surprises_; }
  // The share of records that would surprise the model as much, were this one like them; none
  // where too few are known to tell one of a hundred.
  std::optional<double> share(double surprise) const;

 private:
  std::vector<double> surprises_;
};

}  // namespace cangong
