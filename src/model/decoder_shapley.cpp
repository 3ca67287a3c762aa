#include "model/decoder_shapley.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random.h"
#include "model/decoder_pass.h"

namespace cangong {
namespace {

// Of one thread: the rates behind records that have some of the events.
class Coalitions {
 public:
  Coalitions(const DecoderWeights& weights, const DecoderInput& history,
             std::span<const std::size_t> places, std::span<const std::uint8_t> counted)
      : pass_(weights), history_(history), counted_(counted), player_(history.ids.size(), kStays) {
    for (std::size_t k = 0; k < places.size(); ++k) player_[places[k]] = k;
  }

  // The logarithms of the rates as events join in an order, each time the first so many of them.
  // Of the first `from` to `until` (excluded) of them.
  void log_rates(std::span<const std::size_t> order, std::size_t from, std::size_t until,
                 std::vector<double>& out) {
    std::vector<std::size_t> joins(order.size());
    for (std::size_t k = 0; k < order.size(); ++k) joins[order[k]] = k;
    for (std::size_t size = from; size < until;) {
      DecoderRows rows;
      for (; size < until && rows.rows() < kRowsAtOnce; ++size) add(joins, size, rows);
      tell(rows, out);
    }
  }

 private:
  static constexpr std::size_t kStays = static_cast<std::size_t>(-1), kRowsAtOnce = 4096;

  void add(const std::vector<std::size_t>& joins, std::size_t size, DecoderRows& rows) const {
    const std::size_t first = rows.rows();
    for (std::size_t i = 0; i < player_.size(); ++i) {
      if (player_[i] != kStays && joins[player_[i]] >= size) continue;
      rows.ids.push_back(history_.ids[i]), rows.days.push_back(history_.days[i]);
      rows.until.push_back(static_cast<std::uint32_t>(rows.rows() - first));
    }
    rows.starts.push_back(static_cast<std::uint32_t>(rows.rows()));
  }

  void tell(const DecoderRows& rows, std::vector<double>& out) {
    const DecoderPart all{rows, 0, rows.people()};
    pass_.forward(all);
    const Floats& logits = pass_.logits_at_ends(all);
    const std::size_t stride = row_stride(counted_.size());
    for (std::size_t person = 0; person < rows.people(); ++person) {
      double sum = 0;
      for (std::size_t id = 0; id < counted_.size(); ++id)
        if (counted_[id]) sum += std::exp(double{logits[person * stride + id]});
      out.push_back(std::log(sum));
    }
  }

  DecoderPass pass_;
  DecoderInput history_;
  std::span<const std::uint8_t> counted_;
  std::vector<std::size_t> player_;  // by row: which of the events, or that it stays
};

}  // namespace

EventShares shapley_of_events(const DecoderWeights& weights, const DecoderInput& history,
                              std::span<const std::size_t> places,
                              std::span<const std::uint8_t> counted,
                              const ShapleyOptions& options) {
  ensure(counted.size() == weights.shape().vocabulary, "what is meant is told of every id");
  ensure(std::is_sorted(places.begin(), places.end()) &&
             (places.empty() || places.back() + 1 < history.ids.size()),
         "places of a history, but for its last");
  if (options.orders < 2 || options.orders % 2 != 0)
    fail(Fault::config, "orders are drawn in pairs: an even number of them, 2 at least");
  const std::size_t players = places.size(), pairs = options.orders / 2;
  std::vector<std::size_t> usual(players);
  std::iota(usual.begin(), usual.end(), 0u);
  EventShares told{std::vector<double>(players), std::vector<double>(players)};
  std::vector<double> ends;
  Coalitions whole(weights, history, places, counted);
  whole.log_rates(usual, 0, 1, ends), whole.log_rates(usual, players, players + 1, ends);
  told.with_none = ends[0], told.with_all = ends[1];
  std::vector<std::vector<double>> of_pair(pairs, std::vector<double>(players));
  const std::size_t crew = std::min(options.threads, pairs);
  parallel_for(crew, options.threads, [&](std::size_t thread) {
    Coalitions own(weights, history, places, counted);
    for (std::size_t pair = thread; pair < pairs; pair += crew) {
      Random random(options.seed * 0x9e3779b97f4a7c15 + pair);
      std::vector<std::size_t> order = usual;
      for (std::size_t k = players; k > 1; --k)
        std::swap(order[k - 1], order[random.below(static_cast<std::uint32_t>(k))]);
      for (int way = 0; way < 2; ++way, std::reverse(order.begin(), order.end())) {
        std::vector<double> rates{told.with_none};
        own.log_rates(order, 1, std::max<std::size_t>(players, 1), rates);
        rates.push_back(told.with_all);
        for (std::size_t k = 0; k < players; ++k)
          of_pair[pair][order[k]] += (rates[k + 1] - rates[k]) / 2;
      }
    }
  });
  const auto count = static_cast<double>(pairs);
  for (std::size_t k = 0; k < players; ++k) {
    double squares = 0;
    for (const auto& shares : of_pair) told.share[k] += shares[k] / count;
    for (const auto& shares : of_pair) squares += std::pow(shares[k] - told.share[k], 2);
    told.standard_error[k] = pairs > 1 ? std::sqrt(squares / (count - 1) / count) : 0;
  }
  return told;
}

}  // namespace cangong
