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

// What training patients have of one code.
struct WindowUse {
  std::size_t patients = 0;
  bool numbers = false, timed = false, fixed = false, fixed_number = false;
  std::map<std::string_view, std::size_t> units;  // of its numbers, with their counts
};

// Each once; `all` where only facts without a time are named.
std::vector<std::string> windows_of(const std::vector<FeatureOptions>& features) {
  std::set<std::string> windows;
  for (const FeatureOptions& feature : features)
    if (!feature.window.empty()) windows.insert(feature.window);
  if (windows.empty()) windows.insert("all");
  return {windows.begin(), windows.end()};
}

// The unit that is meant, of those that the code's numbers have; of counts too, for events of other
// units are other measurements.
std::string unit_of(const FeatureOptions& wanted, const WindowUse& use) {
  std::vector<std::string> units, shown;
  for (const auto& [unit, count] : use.units) {
    units.emplace_back(unit);
    shown.push_back("\"" + units.back() + "\"");
  }
  if (!wanted.unit && units.size() > 1)
    fail(Fault::config, wanted.code + " is recorded in several units; say which, for counts too: " +
                            "unit: " + join(shown, ", or "));
  if (wanted.unit && std::find(units.begin(), units.end(), *wanted.unit) == units.end())
    fail(Fault::config, wanted.code + " is never recorded in \"" + *wanted.unit + "\"" +
                            suggestion(*wanted.unit, units));
  return wanted.unit ? *wanted.unit : units.empty() ? std::string() : units.front();
}

// What would be the same for everybody is refused rather than given.
void require_meaning(const FeatureOptions& wanted, const WindowUse& use) {
  const bool fixed = wanted.window.empty();
  if (fixed && !use.fixed)
    fail(Fault::config, "training patients have no " + wanted.code +
                            " without a time; say which length of time (window: 24h, 7d, all)");
  if (!fixed && !use.timed)
    fail(Fault::config,
         "training patients have no " + wanted.code + " with a time; leave window out");
  if (fixed && wanted.aggregate != Aggregate::last)
    fail(Fault::config, wanted.code + ": a fact without a time has no aggregate but last");
  if (!fixed && needs_number(wanted.aggregate) && !use.numbers)
    fail(Fault::config, wanted.code + " has no numbers; its aggregates are count and time_since");
}

}  // namespace

bool needs_number(Aggregate aggregate) {
  return aggregate != Aggregate::count && aggregate != Aggregate::time_since;
}

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

WindowedEncoder::WindowedEncoder(WindowedOptions options) : options_(std::move(options)) {
  if (!options_.features.empty()) options_.windows = windows_of(options_.features);
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

void WindowedEncoder::fit(const HistoryStream& training) {
  if (!options_.features.empty()) {
    take_named_features(training);
    return name_columns();
  }
  propose_features(training);
  if (options_.roll_up) propose_groups(training);
  name_columns();
  drop_useless(training);
  name_columns();
}

void WindowedEncoder::propose_features(const HistoryStream& training) {
  const CodeBook& codes = training.codes();
  std::vector<WindowUse> uses(codes.size());
  std::vector<std::set<PatientId>> patients(codes.size());
  bool births = false;
  const auto birth = codes.find("MEDS_BIRTH");
  training.each(1, [&](std::size_t, std::size_t, const History& history) {
    for (const Event& event : history.events()) {
      WindowUse& use = uses[event.code];
      if (patients[event.code].insert(history.patient()).second) ++use.patients;
      use.numbers |= event.number.has_value();
      (event.time ? use.timed : use.fixed) = true;
      use.fixed_number |= !event.time && event.number;
      if (event.number) ++use.units[event.unit];
      births |= birth && event.code == *birth;
    }
  });
  const auto include = patterns_of(options_.include, "encoder include");
  const auto exclude = patterns_of(options_.exclude, "encoder exclude");
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

void WindowedEncoder::take_named_features(const HistoryStream& training) {
  if (options_.roll_up || !options_.include.empty() || !options_.exclude.empty())
    fail(Fault::config, "encoder: features says all; leave roll_up, include and exclude out");
  const CodeBook& codes = training.codes();
  std::vector<std::string> known;
  for (CodeId id = 0; id < codes.size(); ++id) known.emplace_back(codes.name(id));
  std::unordered_map<CodeId, WindowUse> uses;
  for (const FeatureOptions& wanted : options_.features)
    if (const auto id = codes.find(wanted.code)) uses[*id];
  training.each(1, [&](std::size_t, std::size_t, const History& history) {
    for (const Event& event : history.events()) {
      const auto found = uses.find(event.code);
      if (found == uses.end()) continue;
      WindowUse& use = found->second;
      (event.time ? use.timed : use.fixed) = true;
      use.numbers |= event.number.has_value();
      use.fixed_number |= !event.time && event.number;
      if (event.number) ++use.units[event.unit];
    }
  });
  features_.clear();
  for (const FeatureOptions& wanted : options_.features)
    at_place(wanted.where, [&] {
      if (wanted.code == "AGE")
        return features_.push_back({"AGE", Aggregate::last, kAge, false, false, "a"});
      const auto id = codes.find(wanted.code);
      if (!id)
        fail(Fault::config,
             "the store has no code \"" + wanted.code + "\"" + suggestion(wanted.code, known));
      const WindowUse& use = uses.at(*id);
      require_meaning(wanted, use);
      Feature feature{wanted.code,      wanted.aggregate,     kStatic,
                      use.fixed_number, use.units.size() > 1, unit_of(wanted, use)};
      for (std::size_t w = 0; w < windows_.size(); ++w)
        if (windows_[w].first == wanted.window) feature.window = w, feature.number = false;
      features_.push_back(std::move(feature));
    });
}

// Parents under which at least two codes of enough patients stand, those of most patients first.
void WindowedEncoder::propose_groups(const HistoryStream& training) {
  const CodeBook& codes = training.codes();
  const Groups all = groups_of(codes, training.code_infos());
  std::vector<std::vector<std::uint32_t>> of_code(codes.size());
  std::vector<const Groups::value_type*> groups;
  for (const auto& group : all) {
    for (const std::string& member : group.second)
      of_code[*codes.find(member)].push_back(static_cast<std::uint32_t>(groups.size()));
    groups.push_back(&group);
  }
  std::vector<std::set<PatientId>> patients(groups.size());
  std::vector<std::set<CodeId>> used(groups.size());
  training.each(1, [&](std::size_t, std::size_t, const History& history) {
    for (const Event& event : history.events())
      for (const std::uint32_t g : of_code[event.code])
        if (event.time) patients[g].insert(history.patient()), used[g].insert(event.code);
  });
  std::vector<std::size_t> chosen;
  const auto exclude = patterns_of(options_.exclude, "encoder exclude");
  for (std::size_t g = 0; g < groups.size(); ++g)
    if (used[g].size() >= 2 && patients[g].size() >= options_.min_patients &&
        !any_in(exclude, groups[g]->first))
      chosen.push_back(g);
  std::stable_sort(chosen.begin(), chosen.end(), [&](std::size_t a, std::size_t b) {
    if (patients[a].size() != patients[b].size()) return patients[a].size() > patients[b].size();
    return groups[a]->second.size() < groups[b]->second.size();  // of twins the nearer one stays
  });
  chosen.resize(std::min(chosen.size(), options_.max_codes));
  WindowUse use;
  use.timed = true;
  for (const std::size_t g : chosen) {
    const std::string name = groups[g]->first + "+";
    groups_[name] = groups[g]->second;
    add_features(name, use);
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
  std::erase_if(groups_, [&](const auto& group) {
    return std::none_of(features_.begin(), features_.end(),
                        [&](const Feature& feature) { return feature.code == group.first; });
  });
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
  return Json{{"format", 1},
              {"encoder", "windowed"},
              {"windows", windows},
              {"groups", groups_},
              {"features", features}}
             .dump(1) +
         "\n";
}

std::unique_ptr<WindowedEncoder> WindowedEncoder::load(const std::string& saved) {
  const Json json = Json::parse(saved);
  WindowedOptions options;
  options.windows = json.at("windows").get<std::vector<std::string>>();
  auto encoder = std::make_unique<WindowedEncoder>(options);
  if (json.contains("groups")) encoder->groups_ = json.at("groups").get<Groups>();
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
