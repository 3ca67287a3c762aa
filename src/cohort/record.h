// One patient's record as a task sees it: distinct moments, and where each predicate holds.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "cohort/occurrences.h"
#include "cohort/task.h"
#include "timeline/timeline.h"

namespace cangong {

// Reused from patient to patient, so that it allocates little.
class Record {
 public:
  // Numbers of moments, [first, last).
  struct Interval {
    std::uint32_t first, last;
  };
  // A moment to search from, and whether an event at that very moment counts.
  struct From {
    Time time;
    bool inclusive;
  };

  // `valued`: the predicate whose rows' numbers are kept; none if it is no predicate's index.
  void begin(std::size_t predicates, std::size_t valued);
  // The next row with a time; rows come in order.
  void at(Time time) {
    if (moments_.empty() || moments_.back() != time) moments_.push_back(time);
  }
  // A row at the current moment (or a static one) satisfies the predicate.
  void add(std::size_t predicate, const Event& event) {
    const auto moment = event.time ? static_cast<std::uint32_t>(moments_.size() - 1) : 0;
    lists_[predicate].add(moment, 1);
    if (predicate == valued_ && event.number) values_.emplace_back(moment, *event.number);
  }
  // Fills a derived predicate from its inputs, which are before it.
  void derive(std::size_t predicate, const Predicate& definition);

  const Occurrences& occurrences(std::size_t predicate) const { return lists_[predicate]; }
  std::optional<Time> last_moment() const {
    return moments_.empty() ? std::nullopt : std::optional(moments_.back());
  }

  Interval interval(Time start, Time end, const Window& flags) const;
  std::int64_t count(std::size_t predicate, Interval inside) const;
  // First (last) moment after (before) `from` at which the predicate holds.
  std::optional<Time> next(std::size_t predicate, From from) const;
  std::optional<Time> previous(std::size_t predicate, From from) const;
  // First moment inside the interval at which it holds.
  std::optional<Time> first_in(std::size_t predicate, Interval inside) const;

  // One number out of those that the valued predicate's rows have inside the interval.
  std::optional<double> value_in(Interval inside, Outcome::Take take) const;

  template <class Use>
  void each_moment(std::size_t predicate, const Use& use) const {
    if (predicate == kAnyEventIndex) {
      for (const Time moment : moments_) use(moment);
    } else if (predicate == kRecordStartIndex || predicate == kRecordEndIndex) {
      if (!moments_.empty())
        use(predicate == kRecordStartIndex ? moments_.front() : moments_.back());
    } else {
      for (const std::uint32_t moment : lists_[predicate].moments()) use(moments_[moment]);
    }
  }

 private:
  std::uint32_t first_at_or_after(Time time) const;
  std::uint32_t first_after(Time time) const;

  std::vector<Time> moments_;
  std::vector<Occurrences> lists_;
  std::size_t valued_ = SIZE_MAX;
  std::vector<std::pair<std::uint32_t, double>> values_;
};

}  // namespace cangong
