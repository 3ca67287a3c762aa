// When to give no answer.
#pragma once

#include <optional>
#include <span>

#include "decide/answer.h"
#include "train/pipeline.h"

namespace cangong {

// `row` is the encoded history. Nothing where the model may answer.
std::optional<Abstention> abstain(const Pipeline& pipeline, std::span<const float> row,
                                  const History& history);

}  // namespace cangong
