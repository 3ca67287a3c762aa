#include "encode/windowed.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "base/parallel.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::pair<const char*, Aggregate> kAggregates[] = {
    {"last", Aggregate::last},   {"first", Aggregate::first},
    {"count", Aggregate::count}, {"min", Aggregate::min},
    {"max", Aggregate::max},     {"mean", Aggregate::mean},
    {"slope", Aggregate::slope}, {"time_since", Aggregate::time_since}};

bool needs_number(Aggregate aggregate) {
  return aggregate != Aggregate::count && aggregate != Aggregate::time_since;
}

// What training patients have of one code.
struct CodeUse {
  std::size_t patients = 0;
  bool numbers = false, timed = false, fixed = false, fixed_number = false;
  std::map<std::string_view, std::size_t> units;  // of its numbers, with their counts
};

std::vector<Pattern> patterns(const std::vector<std::string>& texts, const char* key) {
  std::vector<Pattern> list;
  for (const auto& text : texts)
    list.push_back(Pattern::require(text, std::string("encoder ") + key));
  return list;
}

}  // namespace

void read_value(const Node& node, Aggregate& value) {
  std::vector<std::string> names;
  for (const auto& [name, aggregate] : kAggregates) {
    if (node.scalar() == name) {
      value = aggregate;
      return;
    }
    names.emplace_back(name);
  }
  node.reject("unknown aggregate \"" + node.scalar() + "\"" + suggestion(node.scalar(), names));
}

const char* name_of(Aggregate wanted) {
  for (const auto& [name, aggregate] : kAggregates)
    if (aggregate == wanted) return name;
  return "?";
}

// The sums of one code's events within one ring between two windows.
struct Ring {
  std::uint32_t count = 0, numbers = 0;
  double last_time = 0;  // days before the cutoff, of the latest event
  float first = 0, last = 0, low = 0, high = 0;
  double sum = 0, t = 0, tt = 0, tv = 0;

  void add(const Event& event, double days) {
    ++count;
    last_time = days;
    if (!event.number) return;
    const float v = *event.number;
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
      if (!number_wanted || events[i].number) found.push_back(i);
    }
    return narrowed(feature, events, std::move(found));
  }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX, kByUnit = UINT32_MAX - 1;

  std::uint32_t slot_for(const Event& event) const {
    const std::uint32_t slot = event.code < slot_of_.size() ? slot_of_[event.code] : kNone;
    if (slot != kByUnit) return slot;
    for (const auto& [unit, own] : by_unit_.at(event.code))
      if (unit == event.unit) return own;
    return kNone;
  }

  bool is_of(const WindowedEncoder::Feature& feature, const Event& event, Time cutoff,
             std::uint32_t slot) const {
    if (feature.window == WindowedEncoder::kAge) return birth_ && event.code == *birth_;
    if (slot_for(event) != slot) return false;
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
        statics_[slot] = event.number.value_or(1.0f);
        continue;
      }
      const Duration age = history.cutoff() - *event.time;
      while (ring > 0 && inside(age, ring - 1)) --ring;
      if (slot == kNone || ring == windows_) continue;
      touch(slot);
      rings_[slot * windows_ + ring].add(event, static_cast<double>(age.count()) / 86400e6);
    }
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
  std::size_t windows_;
  std::optional<CodeId> birth_;
  std::vector<std::uint32_t> slots_;                 // by feature
  std::vector<std::vector<std::uint32_t>> by_slot_;  // features of a slot
  std::vector<Ring> rings_;                          // slot x window
  std::vector<std::optional<float>> statics_;
  std::vector<bool> touched_;
  std::vector<std::uint32_t> order_;
};

WindowedEncoder::WindowedEncoder(WindowedOptions options) : options_(std::move(options)) {
  for (const auto& text : options_.windows) {
    const auto length = text == "all" ? std::optional(Duration::max()) : parse_duration(text);
    if (!length || *length <= Duration(0))
      fail(Fault::config,
           "encoder window \"" + text + "\" is not a length of time; write 24h or 7d");
    windows_.emplace_back(text, *length);
  }
  if (windows_.empty()) fail(Fault::config, "the encoder needs a window at least");
  std::sort(windows_.begin(), windows_.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
}

std::unique_ptr<EncoderSession> WindowedEncoder::session(const CodeBook& codes) const {
  return std::make_unique<WindowedSession>(*this, codes);
}

void WindowedEncoder::fit(const HistoryStream& training) {
  propose_features(training);
  name_columns();
  drop_useless(training);
  name_columns();
}

void WindowedEncoder::propose_features(const HistoryStream& training) {
  const CodeBook& codes = training.codes();
  std::vector<CodeUse> uses(codes.size());
  std::vector<std::set<PatientId>> patients(codes.size());
  bool births = false;
  const auto birth = codes.find("MEDS_BIRTH");
  training.each(1, [&](std::size_t, std::size_t, const History& history) {
    for (const Event& event : history.events()) {
      CodeUse& use = uses[event.code];
      if (patients[event.code].insert(history.patient()).second) ++use.patients;
      use.numbers |= event.number.has_value();
      (event.time ? use.timed : use.fixed) = true;
      use.fixed_number |= !event.time && event.number;
      if (event.number) ++use.units[event.unit];
      births |= birth && event.code == *birth;
    }
  });
  const auto include = patterns(options_.include, "include");
  const auto exclude = patterns(options_.exclude, "exclude");
  std::vector<CodeId> chosen;
  for (CodeId id = 0; id < uses.size(); ++id) {
    const std::string& name = codes.name(id);
    if (uses[id].patients < options_.min_patients || name.starts_with("MEDS_BIRTH")) continue;
    if ((include.empty() || any_in(include, name)) && !any_in(exclude, name)) chosen.push_back(id);
  }
  std::sort(chosen.begin(), chosen.end(), [&](CodeId a, CodeId b) {
    if (uses[a].patients != uses[b].patients) return uses[a].patients > uses[b].patients;
    return codes.name(a) < codes.name(b);
  });
  if (chosen.size() > options_.max_codes) {
    left_out_ = chosen.size() - options_.max_codes;
    chosen.resize(options_.max_codes);
  }
  features_.clear();
  if (options_.age && births)
    features_.push_back({"AGE", Aggregate::last, kAge, false, false, "a"});
  for (const CodeId id : chosen) {
    const std::string& name = codes.name(id);
    add_features(name, uses[id]);
  }
}

// A code that is recorded in several units gives features of each unit by itself: numbers of
// different units are never mixed.
template <class Use>
void WindowedEncoder::add_features(const std::string& code, const Use& use) {
  const bool several = use.units.size() > 1;
  std::vector<std::string> units;
  for (const auto& [unit, count] : use.units) units.emplace_back(unit);
  if (units.empty()) units.emplace_back();
  for (const std::string& unit : units) {
    Feature feature{code, Aggregate::last, kStatic, use.fixed_number, several, unit};
    if (use.fixed) features_.push_back(feature);
    if (!use.timed) continue;
    feature.number = false;
    for (const Aggregate aggregate : options_.aggregates)
      for (std::size_t w = 0; w < windows_.size(); ++w) {
        if (!use.numbers && needs_number(aggregate)) continue;
        feature.aggregate = aggregate;
        feature.window = w;
        features_.push_back(feature);
      }
  }
}

void WindowedEncoder::drop_useless(const HistoryStream& training) {
  // A digest of each column's cells on the training rows finds constants and twins.
  struct Seen {
    std::size_t present = 0;
    float low = 0, high = 0;
    std::uint64_t hash = 0;
  };
  std::vector<Seen> seen(features_.size());
  const auto own = session(training.codes());
  std::vector<Entry> row;
  training.each(1, [&](std::size_t, std::size_t example, const History& history) {
    own->encode(history, row);
    for (const Entry& entry : row) {
      Seen& s = seen[entry.column];
      if (s.present++ == 0) s.low = s.high = entry.value;
      s.low = std::min(s.low, entry.value);
      s.high = std::max(s.high, entry.value);
      std::uint64_t mix = (example + 1) * 0x9e3779b97f4a7c15;
      mix ^= std::hash<float>()(entry.value) + (mix << 6) + (mix >> 2);
      s.hash += mix * 0xbf58476d1ce4e5b9;
    }
  });
  std::vector<Feature> kept;
  std::set<std::pair<std::uint64_t, bool>> known;
  for (std::size_t f = 0; f < features_.size(); ++f) {
    const Seen& s = seen[f];
    const bool same_everywhere = s.present == training.size() && s.low == s.high;
    if (s.present == 0 || same_everywhere) continue;
    if (s.low == s.high && columns_[f].missing_when_absent && s.present < options_.min_patients)
      continue;
    if (known.emplace(s.hash, columns_[f].missing_when_absent).second) kept.push_back(features_[f]);
  }
  features_ = std::move(kept);
}

void WindowedEncoder::name_columns() {
  columns_.clear();
  for (const Feature& feature : features_) {
    Column column;
    column.code = feature.code;
    column.aggregate = name_of(feature.aggregate);
    if (feature.window < kAge) column.window = windows_[feature.window].first;
    if (feature.window == kAge)
      column.unit = "a";
    else if (needs_number(feature.aggregate))
      column.unit = feature.unit;
    else if (feature.aggregate == Aggregate::time_since)
      column.unit = "d";
    column.by_unit = feature.by_unit;
    const bool absent_is_none =
        feature.window == kStatic ? !feature.number : feature.aggregate == Aggregate::count;
    column.missing_when_absent = feature.window == kAge || !absent_is_none;
    columns_.push_back(std::move(column));
  }
}

std::string WindowedEncoder::save() const {
  Json features = Json::array();
  for (const Feature& feature : features_) {
    Json json{{"code", feature.code}, {"unit", feature.unit}, {"by_unit", feature.by_unit}};
    if (feature.window == kAge)
      json["kind"] = "age";
    else if (feature.window == kStatic)
      json["kind"] = feature.number ? "static_number" : "static";
    else
      json.update({{"kind", "window"},
                   {"aggregate", name_of(feature.aggregate)},
                   {"window", windows_[feature.window].first}});
    features.push_back(std::move(json));
  }
  Json windows = Json::array();
  for (const auto& [name, length] : windows_) windows.push_back(name);
  return Json{{"format", 1}, {"encoder", "windowed"}, {"windows", windows}, {"features", features}}
             .dump(1) +
         "\n";
}

std::unique_ptr<WindowedEncoder> WindowedEncoder::load(const std::string& saved) {
  const Json json = Json::parse(saved);
  WindowedOptions options;
  options.windows = json.at("windows").get<std::vector<std::string>>();
  auto encoder = std::make_unique<WindowedEncoder>(options);
  for (const auto& item : json.at("features")) {
    Feature feature;
    feature.code = item.at("code");
    feature.unit = item.at("unit");
    feature.by_unit = item.at("by_unit");
    const std::string kind = item.at("kind");
    if (kind == "age") feature.window = kAge;
    if (kind.starts_with("static")) feature.window = kStatic;
    feature.number = kind == "static_number";
    if (kind == "window") {
      const std::string window = item.at("window"), aggregate = item.at("aggregate");
      for (std::size_t w = 0; w < encoder->windows_.size(); ++w)
        if (encoder->windows_[w].first == window) feature.window = w;
      for (const auto& [name, value] : kAggregates)
        if (aggregate == name) feature.aggregate = value;
    }
    encoder->features_.push_back(std::move(feature));
  }
  encoder->name_columns();
  return encoder;
}

}  // namespace cangong
