// What the rates behind a history would be without each one of its events: exact, for all outcomes.
#pragma once

#include <functional>
#include <span>

#include "model/decoder_weights.h"

namespace cangong {

// In float32, whatever the weights' format. Calls use(i, logits) for each place i of `without`,
// logits being those behind the history without its event i, by id. Rows before an event do not
// depend on it and are computed once; those behind are computed anew. `use` may be called by
// several threads at once, never twice for one place. Places are ascending; the history has two
// events at least and its last is not among them.
void leave_one_out(const DecoderWeights& weights, const DecoderInput& history,
                   std::span<const std::size_t> without, std::size_t threads,
                   const std::function<void(std::size_t, const float*)>& use);

}  // namespace cangong
