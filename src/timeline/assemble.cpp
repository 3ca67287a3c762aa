#include "timeline/assemble.h"

#include <algorithm>
#include <memory>

namespace cangong {
namespace {

// What an assembled timeline points into.
struct Owned {
  CodeBook codes;
  std::vector<LiveEvent> live;
  std::vector<Event> events;
  std::vector<Validity> validity;
  std::optional<Timeline> bulk;  // keeps its texts
};

bool before(const std::optional<Time>& a, const std::optional<Time>& b) {
  if (!a || !b) return !a && b;  // static rows first
  return *a < *b;
}

}  // namespace

Timeline assemble(PatientId patient, const Timeline* bulk, std::vector<LiveEvent> live) {
  auto owned = std::make_shared<Owned>();
  owned->live = std::move(live);
  const auto earlier = [](const LiveEvent& a, const LiveEvent& b) {
    return before(a.time, b.time);
  };
  if (!std::is_sorted(owned->live.begin(), owned->live.end(), earlier))
    std::stable_sort(owned->live.begin(), owned->live.end(), earlier);
  if (bulk) owned->bulk = *bulk;
  const std::span<const Event> old = bulk ? bulk->events() : std::span<const Event>();
  std::vector<std::optional<CodeId>> renumbered(bulk ? bulk->codes().size() : 0);
  std::size_t i = 0;
  const auto take_bulk = [&](Event event) {
    auto& code = renumbered[event.code];
    if (!code) code = owned->codes.intern(bulk->codes().name(event.code));
    event.code = *code;
    owned->events.push_back(event);
    owned->validity.emplace_back();
  };
  for (const LiveEvent& fact : owned->live) {
    while (i < old.size() && !before(fact.time, old[i].time)) take_bulk(old[i++]);
    Event event;
    event.time = fact.time, event.occurred = fact.occurred;
    event.code = owned->codes.intern(fact.code);
    event.number = fact.number;
    event.unit = fact.unit, event.text = fact.text;
    owned->events.push_back(event);
    owned->validity.push_back(fact.validity);
  }
  while (i < old.size()) take_bulk(old[i++]);
  return Timeline(patient, {owned->events, owned->validity}, owned->codes, owned);
}

}  // namespace cangong
