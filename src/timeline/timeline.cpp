#include "timeline/timeline.h"

#include <algorithm>

namespace cangong {

namespace {

// Rows that held at the cutoff, with what they point into.
struct Held {
  std::vector<Event> events;
  std::shared_ptr<const void> owner;
};

}  // namespace

History Timeline::until(Time cutoff) const {
  const auto beyond = std::partition_point(events_.begin(), events_.end(), [&](const Event& event) {
    return !event.time || *event.time <= cutoff;
  });
  History history;
  history.patient_ = patient_;
  history.cutoff_ = cutoff;
  history.events_ = events_.first(static_cast<std::size_t>(beyond - events_.begin()));
  history.codes_ = codes_;
  history.owner_ = owner_;
  const auto validity = validity_.first(std::min(validity_.size(), history.events_.size()));
  const auto holds = [&](const Validity& row) { return row.holds(cutoff); };
  if (std::all_of(validity.begin(), validity.end(), holds)) return history;
  auto held = std::make_shared<Held>(Held{{}, owner_});
  for (std::size_t i = 0; i < validity.size(); ++i)
    if (holds(validity[i])) held->events.push_back(history.events_[i]);
  history.events_ = held->events;
  history.owner_ = held;
  return history;
}

}  // namespace cangong
