#include "cohort/record.h"

#include <algorithm>
#include <numeric>

namespace cangong {

void Record::begin(std::size_t predicates, std::size_t valued) {
  moments_.clear();
  values_.clear();
  valued_ = valued;
  lists_.resize(std::max(lists_.size(), predicates));
  for (auto& list : lists_) list.clear();
}

void Record::derive(std::size_t predicate, const Predicate& definition) {
  // The inputs' moments in order; a moment counts once where all (any) of the inputs hold at it.
  std::vector<std::uint32_t> all;
  const auto moments_of = [&](std::size_t input) {
    std::vector<std::uint32_t> found;
    const auto last = static_cast<std::uint32_t>(moments_.size());
    if (input == kAnyEventIndex)
      for (std::uint32_t i = 0; i < last; ++i) found.push_back(i);
    else if (input == kRecordStartIndex && last)
      found.push_back(0);
    else if (input == kRecordEndIndex && last)
      found.push_back(last - 1);
    else if (input > kRecordEndIndex)
      found.assign(lists_[input].moments().begin(), lists_[input].moments().end());
    return found;
  };
  for (const std::size_t input : definition.inputs) {
    const auto found = moments_of(input);
    all.insert(all.end(), found.begin(), found.end());
  }
  std::sort(all.begin(), all.end());
  const std::size_t wanted =
      definition.kind == Predicate::Kind::all_of ? definition.inputs.size() : 1;
  for (std::size_t i = 0; i < all.size();) {
    std::size_t j = i;
    while (j < all.size() && all[j] == all[i]) ++j;
    if (j - i >= wanted) lists_[predicate].add(all[i], 1);
    i = j;
  }
}

std::uint32_t Record::first_at_or_after(Time time) const {
  return static_cast<std::uint32_t>(std::lower_bound(moments_.begin(), moments_.end(), time) -
                                    moments_.begin());
}

std::uint32_t Record::first_after(Time time) const {
  return static_cast<std::uint32_t>(std::upper_bound(moments_.begin(), moments_.end(), time) -
                                    moments_.begin());
}

Record::Interval Record::interval(Time start, Time end, const Window& flags) const {
  const std::uint32_t first = flags.start_inclusive ? first_at_or_after(start) : first_after(start);
  const std::uint32_t last = flags.end_inclusive ? first_after(end) : first_at_or_after(end);
  return {first, std::max(first, last)};
}

std::int64_t Record::count(std::size_t predicate, Interval inside) const {
  const auto last = static_cast<std::uint32_t>(moments_.size());
  if (inside.first >= inside.last) return 0;
  if (predicate == kAnyEventIndex) return inside.last - inside.first;
  if (predicate == kRecordStartIndex) return inside.first == 0;
  if (predicate == kRecordEndIndex) return inside.last == last;
  return lists_[predicate].count(inside.first, inside.last);
}

std::optional<Time> Record::first_in(std::size_t predicate, Interval inside) const {
  if (inside.first >= inside.last) return std::nullopt;
  if (predicate == kAnyEventIndex) return moments_[inside.first];
  if (predicate == kRecordStartIndex)
    return inside.first == 0 ? std::optional(moments_[0]) : std::nullopt;
  if (predicate == kRecordEndIndex)
    return inside.last == moments_.size() ? std::optional(moments_.back()) : std::nullopt;
  const auto list = lists_[predicate].moments();
  const auto found = std::lower_bound(list.begin(), list.end(), inside.first);
  if (found == list.end() || *found >= inside.last) return std::nullopt;
  return moments_[*found];
}

std::optional<double> Record::value_in(Interval inside, Outcome::Take take) const {
  std::vector<double> values;
  for (const auto& [moment, value] : values_)
    if (moment >= inside.first && moment < inside.last) values.push_back(value);
  if (values.empty()) return std::nullopt;
  const auto sum = [&] { return std::accumulate(values.begin(), values.end(), 0.0); };
  switch (take) {
    case Outcome::Take::first:
      return values.front();
    case Outcome::Take::last:
      return values.back();
    case Outcome::Take::min:
      return *std::min_element(values.begin(), values.end());
    case Outcome::Take::max:
      return *std::max_element(values.begin(), values.end());
    case Outcome::Take::mean:
      return sum() / static_cast<double>(values.size());
    case Outcome::Take::sum:
      return sum();
    case Outcome::Take::change:
      return values.back() - values.front();
    case Outcome::Take::median:
      break;
  }
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::optional<Time> Record::next(std::size_t predicate, From from) const {
  const std::uint32_t first =
      from.inclusive ? first_at_or_after(from.time) : first_after(from.time);
  return first_in(predicate, {first, static_cast<std::uint32_t>(moments_.size())});
}

std::optional<Time> Record::previous(std::size_t predicate, From from) const {
  const std::uint32_t end = from.inclusive ? first_after(from.time) : first_at_or_after(from.time);
  if (end == 0) return std::nullopt;
  if (predicate == kAnyEventIndex) return moments_[end - 1];
  if (predicate == kRecordStartIndex) return moments_.front();
  if (predicate == kRecordEndIndex)
    return end == moments_.size() ? std::optional(moments_.back()) : std::nullopt;
  const auto list = lists_[predicate].moments();
  const auto found = std::lower_bound(list.begin(), list.end(), end);
  if (found == list.begin()) return std::nullopt;
  return moments_[*std::prev(found)];
}

}  // namespace cangong
