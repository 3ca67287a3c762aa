#include "model/likeness.h"

#include <algorithm>

#include "model/decoder_pass.h"

namespace cangong {

std::optional<double> surprise_of(const DecoderWeights& weights,
                                  const std::vector<std::int32_t>& ids,
                                  const std::vector<float>& days, std::int32_t first_outcome,
                                  std::size_t fewest) {
  DecoderRows rows = decoder_rows(ids, days);
  for (std::size_t i = 0; i + 1 < ids.size(); ++i)
    if (ids[i + 1] >= first_outcome)
      rows.targets.push_back(
          {static_cast<std::uint32_t>(i), ids[i + 1], std::max(days[i + 1] - days[i], 0.0f)});
  if (rows.targets.size() < fewest) return std::nullopt;
  DecoderPass pass(weights);
  const DecoderPart all{rows, 0, 1};
  pass.forward(all);
  const DecoderLoss loss = pass.loss(all, {first_outcome, kDelphiLeastWait});
  return loss.cross_entropy / static_cast<double>(loss.targets);
}

Likeness::Likeness(std::vector<double> surprises) : surprises_(std::move(surprises)) {
  std::sort(surprises_.begin(), surprises_.end());
  if (surprises_.size() <= kMost) return;
  std::vector<double> kept;
  for (std::size_t k = 0; k < kMost; ++k)
    kept.push_back(surprises_[k * (surprises_.size() - 1) / (kMost - 1)]);
  surprises_ = std::move(kept);
}

std::optional<double> Likeness::share(double surprise) const {
  constexpr std::size_t kFewest = 100;
  if (surprises_.size() < kFewest) return std::nullopt;
  const auto as_much = std::lower_bound(surprises_.begin(), surprises_.end(), surprise);
  return (1 + static_cast<double>(surprises_.end() - as_much)) /
         (1 + static_cast<double>(surprises_.size()));
}

}  // namespace cangong
