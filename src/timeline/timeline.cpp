#include "timeline/timeline.h"

#include <algorithm>

namespace cangong {

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
  return history;
}

}  // namespace cangong
