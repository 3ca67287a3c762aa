#include <algorithm>
#include <unordered_map>

#include "encode/windowed.h"

namespace cangong {

// The sums of one code's events within one ring between two windows.
struct Ring {
  std::uint32_t count = 0, numbers = 0;
  double last_time = 0;  // days before the cutoff, of the latest event
  float first = 0, last = 0, low = 0, high = 0;
  double sum = 0, t = 0, tt = 0, tv = 0;

  // `number`: the event's, if it is one of the column's unit.
  void add(const std::optional<float>& number, double days) {
    ++count;
    last_time = days;
    if (!number) return;
    const float v = *number;
    if (numbers++ == 0) first = low = high = v;
    last = v;
    low = std::min(low, v);
    high = std::max(high, v);
    sum += v;
    t += days;
    tt += days * days;
    tv += days * v;
  }

  // Joins an older ring.
  void join(const Ring& older) {
    if (older.count == 0) return;
    if (count == 0) last_time = older.last_time;
    count += older.count;
    if (older.numbers == 0) return;
    if (numbers == 0) last = older.last, low = older.low, high = older.high;
    first = older.first;
    low = std::min(low, older.low);
    high = std::max(high, older.high);
    numbers += older.numbers;
    sum += older.sum, t += older.t, tt += older.tt, tv += older.tv;
  }

  std::optional<float> value(Aggregate aggregate) const {
    if (count == 0) return std::nullopt;
    if (aggregate == Aggregate::count) return static_cast<float>(count);
    if (aggregate == Aggregate::time_since) return static_cast<float>(last_time);
    if (numbers == 0) return std::nullopt;
    switch (aggregate) {
      case Aggregate::last:
        return last;
      case Aggregate::first:
        return first;
      case Aggregate::min:
        return low;
      case Aggregate::max:
        return high;
      case Aggregate::mean:
        return static_cast<float>(sum / numbers);
      default:
        break;
    }
    const double n = numbers, spread = n * tt - t * t;
    if (numbers < 2 || spread <= 1e-12 * n * tt) return std::nullopt;
    return static_cast<float>(-(n * tv - t * sum) / spread);  // days run backwards
  }
};

class WindowedSession : public EncoderSession {
 public:
  WindowedSession(const WindowedEncoder& encoder, const CodeBook& codes)
      : encoder_(encoder), slot_of_(codes.size(), kNone), windows_(encoder.windows_.size()) {
    birth_ = codes.find("MEDS_BIRTH");
    std::map<std::pair<std::string, std::string>, std::uint32_t> slots;
    for (const auto& feature : encoder.features_) {
      const std::string unit = feature.by_unit ? feature.unit : "";
      const auto [entry, fresh] =
          slots.emplace(std::pair(feature.code, unit), static_cast<std::uint32_t>(slots.size()));
      const auto id = codes.find(feature.code);
      if (fresh && id) {
        slot_of_[*id] = feature.by_unit ? kByUnit : entry->second;
        if (feature.by_unit) by_unit_[*id].emplace_back(unit, entry->second);
      }
      slots_.push_back(entry->second);
      if (fresh) unit_of_.push_back(feature.unit);
      const auto group = encoder.groups_.find(feature.code);
      if (fresh && group != encoder.groups_.end()) add_group(group->second, entry->second, codes);
    }
    rings_.resize(slots.size() * windows_);
    statics_.resize(slots.size());
    touched_.resize(slots.size());
    by_slot_.resize(slots.size());
    for (std::size_t f = 0; f < slots_.size(); ++f)
      by_slot_[slots_[f]].push_back(static_cast<std::uint32_t>(f));
  }

  void encode(const History& history, std::vector<Entry>& row) override {
    row.clear();
    gather(history);
    std::sort(order_.begin(), order_.end());
    for (const std::uint32_t slot : order_) write_slot(slot, row);
    write_age(history, row);
    std::sort(row.begin(), row.end(),
              [](const Entry& a, const Entry& b) { return a.column < b.column; });
  }

  std::vector<std::size_t> origin(const History& history, std::size_t column) override {
    const auto& feature = encoder_.features_.at(column);
    std::vector<std::size_t> found;
    const auto events = history.events();
    for (std::size_t i = 0; i < events.size(); ++i) {
      if (!is_of(feature, events[i], history.cutoff(), slots_[column])) continue;
      const bool number_wanted =
          feature.window < WindowedEncoder::kAge && needs_number(feature.aggregate);
      if (!number_wanted || number_in(slots_[column], events[i])) found.push_back(i);
    }
    return narrowed(feature, events, std::move(found));
  }

 private:
  void add_group(const std::vector<std::string>& members, std::uint32_t slot,
                 const CodeBook& codes) {
    groups_of_.resize(codes.size());
    for (const std::string& member : members)
      if (const auto id = codes.find(member)) groups_of_[*id].push_back(slot);
  }

  // Slots of the groups that count the event's code.
  std::span<const std::uint32_t> groups_for(const Event& event) const {
    if (event.code >= groups_of_.size() || !event.time) return {};
    return groups_of_[event.code];
  }

  static constexpr std::uint32_t kNone = UINT32_MAX, kByUnit = UINT32_MAX - 1;

  std::uint32_t slot_for(const Event& event) const {
    const std::uint32_t slot = event.code < slot_of_.size() ? slot_of_[event.code] : kNone;
    if (slot != kByUnit) return slot;
    for (const auto& [unit, own] : by_unit_.at(event.code))
      if (unit == event.unit) return own;
    return kNone;
  }

  // A number in another unit than the training's is another measurement: it does not count as one.
  std::optional<float> number_in(std::uint32_t slot, const Event& event) const {
    const std::string& unit = unit_of_[slot];
    return unit.empty() || event.unit == unit ? event.number : std::nullopt;
  }

  bool is_of(const WindowedEncoder::Feature& feature, const Event& event, Time cutoff,
             std::uint32_t slot) const {
    if (feature.window == WindowedEncoder::kAge) return birth_ && event.code == *birth_;
    const auto groups = groups_for(event);
    if (slot_for(event) != slot && std::find(groups.begin(), groups.end(), slot) == groups.end())
      return false;
    if (feature.window == WindowedEncoder::kStatic) return !event.time;
    return event.time && inside(cutoff - *event.time, feature.window);
  }

  // Of the candidates, those that made the value.
  static std::vector<std::size_t> narrowed(const WindowedEncoder::Feature& feature,
                                           std::span<const Event> events,
                                           std::vector<std::size_t> found) {
    if (found.empty() || feature.window >= WindowedEncoder::kAge) return found;
    const auto lower = [&](std::size_t a, std::size_t b) {
      return *events[a].number < *events[b].number;
    };
    switch (feature.aggregate) {
      case Aggregate::last:
      case Aggregate::time_since:
        return {found.back()};
      case Aggregate::first:
        return {found.front()};
      case Aggregate::min:
        return {*std::min_element(found.begin(), found.end(), lower)};
      case Aggregate::max:
        return {*std::max_element(found.begin(), found.end(), lower)};
      default:
        return found;
    }
  }

  bool inside(Duration age, std::size_t window) const {
    return age < encoder_.windows_[window].second;
  }

  void touch(std::uint32_t slot) {
    if (touched_[slot]) return;
    touched_[slot] = true;
    order_.push_back(slot);
    std::fill_n(rings_.begin() + static_cast<std::ptrdiff_t>(slot * windows_), windows_, Ring{});
    statics_[slot].reset();
  }

  void gather(const History& history) {
    for (const std::uint32_t slot : order_) touched_[slot] = false;
    order_.clear();
    std::size_t ring = windows_;  // events come oldest first: the widest ring first
    for (const Event& event : history.events()) {
      const std::uint32_t slot = slot_for(event);
      if (!event.time) {
        if (slot == kNone) continue;
        touch(slot);
        if (event.number && !number_in(slot, event)) continue;
        statics_[slot] = event.number.value_or(1.0f);
        continue;
      }
      const Duration age = history.cutoff() - *event.time;
      while (ring > 0 && inside(age, ring - 1)) --ring;
      if (ring == windows_) continue;
      const double days = static_cast<double>(age.count()) / 86400e6;
      if (slot != kNone) add(slot, ring, event, days);
      for (const std::uint32_t group : groups_for(event)) add(group, ring, event, days);
    }
  }

  void add(std::uint32_t slot, std::size_t ring, const Event& event, double days) {
    touch(slot);
    rings_[slot * windows_ + ring].add(number_in(slot, event), days);
  }

  void write_slot(std::uint32_t slot, std::vector<Entry>& row) {
    Ring* rings = &rings_[slot * windows_];
    for (std::size_t w = 1; w < windows_; ++w) {
      Ring wider = rings[w - 1];
      wider.join(rings[w]);
      rings[w] = wider;
    }
    for (const std::uint32_t f : by_slot_[slot]) {
      const auto& feature = encoder_.features_[f];
      const auto value = feature.window == WindowedEncoder::kStatic
                             ? statics_[slot]
                             : rings[feature.window].value(feature.aggregate);
      if (value) row.push_back({f, *value});
    }
  }

  void write_age(const History& history, std::vector<Entry>& row) const {
    if (!birth_) return;
    for (std::uint32_t f = 0; f < encoder_.features_.size(); ++f) {
      if (encoder_.features_[f].window != WindowedEncoder::kAge) continue;
      for (const Event& event : history.events()) {
        if (event.code != *birth_ || !event.time) continue;
        row.push_back({f, static_cast<float>(years_between(*event.time, history.cutoff()))});
        break;
      }
    }
  }

  const WindowedEncoder& encoder_;
  std::vector<std::uint32_t> slot_of_;  // by code number
  std::unordered_map<CodeId, std::vector<std::pair<std::string, std::uint32_t>>> by_unit_;
  std::vector<std::vector<std::uint32_t>> groups_of_;  // by code number
  std::size_t windows_;
  std::optional<CodeId> birth_;
  std::vector<std::uint32_t> slots_;                 // by feature
  std::vector<std::string> unit_of_;                 // by slot; empty: any
  std::vector<std::vector<std::uint32_t>> by_slot_;  // features of a slot
  std::vector<Ring> rings_;                          // slot x window
  std::vector<std::optional<float>> statics_;
  std::vector<bool> touched_;
  std::vector<std::uint32_t> order_;
};

std::unique_ptr<EncoderSession> WindowedEncoder::session(const CodeBook& codes) const {
  return std::make_unique<WindowedSession>(*this, codes);
}

}  // namespace cangong
