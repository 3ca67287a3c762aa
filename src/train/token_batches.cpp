#include "train/token_batches.h"

#include <algorithm>

namespace cangong {
namespace {

constexpr float kDaysOfYear = 365.25f, kYears = 100;

}  // namespace

TokenBatches::TokenBatches(const TokenShards& shards, const TokenVocabulary& vocabulary,
                           const WindowOptions& options)
    : shards_(shards),
      options_(options),
      first_outcome_(vocabulary.first_outcome()),
      shifts_(vocabulary.size()) {
  for (const Pattern& pattern : patterns_of(options.shift, "window: shift"))
    for (const std::int32_t id : vocabulary.ids_like(pattern)) {
      if (id >= first_outcome_)
        fail(Fault::config, "window: shift names " + vocabulary.token(id).code +
                                ", which is to be foretold; only inputs can be moved");
      shifts_[static_cast<std::size_t>(id)] = 1;
    }
}

template <class Events>
std::size_t TokenBatches::kept_of(const Events& events) const {
  const std::size_t most = options_.context + 1;
  std::size_t kept = 0;
  if (options_.keep_birth && events.size() > most)
    while (kept < most / 2 && events[kept].days == 0 && events[kept].id < first_outcome_) ++kept;
  return kept;
}

// One more event than the context, so that the last one has a next. Facts of birth stay.
auto TokenBatches::window(std::span<const TokenEvent> events, Random& random, Use use) const
    -> Rows {
  const std::size_t most = options_.context + 1, kept = kept_of(events), room = most - kept;
  std::size_t from = kept;
  if (options_.from == "random" && events.size() - kept > room)
    from += random.below(static_cast<std::uint32_t>(events.size() - kept - room + 1));
  Rows rows;
  const auto take = [&](std::size_t i) {
    Row row{events[i].id, events[i].days, i != from || from == kept,
            events[i].id == TokenVocabulary::kNoEvent};
    constexpr std::uint32_t kEarlier = 20 * 365, kLater = 40 * 365;
    if (use == Use::training && shifts_[static_cast<std::size_t>(row.id)])
      row.days += static_cast<float>(random.below(kEarlier + kLater)) - float{kEarlier};
    rows.push_back(row);
  };
  for (std::size_t i = 0; i < kept; ++i) take(i);
  for (std::size_t i = from; i < std::min(events.size(), from + room); ++i) take(i);
  return rows;
}

// None where events were left out: there, something happened.
void TokenBatches::add_no_events(Rows& rows, Random& random, Use use) const {
  float first = 0, last = 0;
  for (const Row& row : rows) {
    if (!row.follows) first = row.days;
    last = std::max(last, row.days);
  }
  const auto every = static_cast<float>(options_.no_event_years) * kDaysOfYear;
  const auto count = static_cast<std::size_t>(kYears / options_.no_event_years);
  for (std::size_t k = 0; k < count; ++k) {
    const float days = use == Use::training ? static_cast<float>(1 + random.below(36524))
                                            : 1 + static_cast<float>(k) * every;
    if (days >= first && days <= last) rows.push_back({TokenVocabulary::kNoEvent, days});
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Row& a, const Row& b) { return a.days < b.days; });
}

void TokenBatches::append(const Rows& rows, Use use, DecoderRows& batch) const {
  // Where "no event" made it too long, the oldest go, but facts of birth.
  const std::size_t most = options_.context + 1;
  const std::size_t kept = kept_of(rows), skipped = rows.size() > most ? rows.size() - most : 0;
  const auto at = [&](std::size_t i) { return rows[i < kept ? i : i + skipped]; };
  const std::size_t count = rows.size() - skipped;
  for (std::size_t i = 0; i + 1 < count; ++i) {
    const Row now = at(i), next = at(i + 1);
    std::uint32_t until = static_cast<std::uint32_t>(i + 1);
    while (options_.ties == "hidden" && until > 0 && at(until - 1).days == next.days) --until;
    const float since = until > 0 ? at(until - 1).days : now.days;
    const bool follows = next.follows && !(skipped > 0 && i + 1 == kept);
    const bool is_strewn = next.id == TokenVocabulary::kNoEvent && !next.ends;
    const bool is_event = next.id >= first_outcome_ || (is_strewn && use == Use::training);
    if (follows && (is_event || options_.silence == "counts"))
      batch.targets.push_back(
          {static_cast<std::uint32_t>(batch.ids.size()),
           is_event ? next.id : DecoderRows::Target::kNothing,
           std::max(next.days - since, is_event ? static_cast<float>(options_.least_days) : 0)});
    batch.ids.push_back(now.id), batch.days.push_back(now.days), batch.until.push_back(until);
  }
  batch.starts.push_back(static_cast<std::uint32_t>(batch.ids.size()));
}

DecoderRows TokenBatches::training(std::size_t people, Random& random) const {
  DecoderRows batch;
  const auto all = static_cast<std::uint32_t>(shards_.people(TokenSplit::train));
  for (std::size_t i = 0; i < people; ++i) {
    Rows rows = window(shards_.events(TokenSplit::train, random.below(all)), random, Use::training);
    add_no_events(rows, random, Use::training);
    append(rows, Use::training, batch);
  }
  return batch;
}

DecoderRows TokenBatches::judging(TokenSplit split, std::size_t first, std::size_t people) const {
  DecoderRows batch;
  for (std::size_t i = first; i < first + people; ++i) {
    Random random(i);
    Rows rows = window(shards_.events(split, i), random, Use::judging);
    add_no_events(rows, random, Use::judging);
    append(rows, Use::judging, batch);
  }
  return batch;
}

}  // namespace cangong
