#include "encode/visits.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/pattern.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

struct CodeUse {
  std::set<PatientId> patients;
  std::map<std::string, std::size_t> units;  // of its numbers, with their counts
};

std::string most_common(const std::map<std::string, std::size_t>& units) {
  return std::max_element(units.begin(), units.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

}  // namespace

VisitEncoder::VisitEncoder(VisitOptions options) : options_(std::move(options)) {
  const auto step = parse_duration(options_.step);
  if (!step || *step <= Duration(0))
    fail(Fault::config,
         "encoder visits: step \"" + options_.step + "\" is not a length of time; write 1d or 6h");
  step_ = *step;
  if (options_.keep > 1000) fail(Fault::config, "encoder visits: keep is 1000 at most");
  if (options_.max_codes < 1 || options_.max_codes > 10000)
    fail(Fault::config, "encoder visits: max_codes is 1 to 10000");
}

void VisitEncoder::fit(const HistoryStream& training) {
  const CodeBook& codes = training.codes();
  std::vector<CodeUse> uses(codes.size());
  training.each(1, [&](std::size_t, std::size_t, const History& history) {
    for (const Event& event : history.events()) {
      if (!event.time) continue;
      uses[event.code].patients.insert(history.patient());
      if (event.number) ++uses[event.code].units[std::string(event.unit)];
    }
  });
  const auto include = patterns_of(options_.include, "encoder visits include");
  const auto exclude = patterns_of(options_.exclude, "encoder visits exclude");
  std::vector<CodeId> chosen;
  for (CodeId id = 0; id < uses.size(); ++id) {
    const std::string& name = codes.name(id);
    if (uses[id].patients.size() < options_.min_patients || name.starts_with("MEDS_BIRTH"))
      continue;
    if ((include.empty() || any_in(include, name)) && !any_in(exclude, name)) chosen.push_back(id);
  }
  std::sort(chosen.begin(), chosen.end(), [&](CodeId a, CodeId b) {
    const std::size_t of_a = uses[a].patients.size(), of_b = uses[b].patients.size();
    return of_a != of_b ? of_a > of_b : codes.name(a) < codes.name(b);
  });
  chosen.resize(std::min(chosen.size(), options_.max_codes));
  channels_.clear();
  for (const CodeId id : chosen) {
    const auto& units = uses[id].units;
    channels_.push_back({codes.name(id), units.empty() ? "" : most_common(units), !units.empty()});
  }
  name_columns();
}

void VisitEncoder::name_columns() {
  columns_.clear();
  for (std::size_t s = 1; s <= options_.keep && !channels_.empty(); ++s) {
    const std::string window = "visit -" + std::to_string(s);
    Column when{"VISIT", "time_since", window, "d"};
    when.missing_when_absent = true;
    columns_.push_back(std::move(when));
    for (const Channel& channel : channels_) {
      Column column{channel.code, channel.number ? "last" : "count", window, channel.unit};
      column.missing_when_absent = channel.number;
      columns_.push_back(std::move(column));
    }
  }
}

class VisitSession : public EncoderSession {
 public:
  VisitSession(const VisitEncoder& encoder, const CodeBook& codes)
      : encoder_(encoder), channel_of_(codes.size(), kNone), row_(encoder.columns_.size()) {
    for (std::size_t c = 0; c < encoder.channels_.size(); ++c)
      if (const auto id = codes.find(encoder.channels_[c].code)) channel_of_[*id] = c;
  }

  void encode(const History& history, std::vector<Entry>& row) override {
    row.clear();
    std::fill(row_.begin(), row_.end(), std::nullopt);
    each_event(history, [&](std::size_t, const Event& event, std::size_t column, double days) {
      auto& when = row_[column - column % width()];
      if (!when) when = static_cast<float>(days);
      auto& cell = row_[column];
      if (!is_number(column))
        cell = cell.value_or(0) + 1;
      else if (!cell)  // the latest comes first
        cell = event.number;
    });
    for (std::size_t column = 0; column < row_.size(); ++column)
      if (row_[column]) row.push_back({static_cast<std::uint32_t>(column), *row_[column]});
  }

  std::vector<std::size_t> origin(const History& history, std::size_t wanted) override {
    std::vector<std::size_t> found;
    each_event(history, [&](std::size_t i, const Event&, std::size_t column, double) {
      const bool own =
          wanted % width() == 0 ? column / width() == wanted / width() : column == wanted;
      const bool one_is_enough = wanted % width() == 0 || is_number(wanted);
      if (own && !(one_is_enough && !found.empty())) found.push_back(i);
    });
    std::reverse(found.begin(), found.end());
    return found;
  }

 private:
  static constexpr std::size_t kNone = SIZE_MAX;

  std::size_t width() const { return encoder_.channels_.size() + 1; }
  bool is_number(std::size_t column) const {
    return encoder_.channels_[column % width() - 1].number;
  }

  // use(number of the event, event, its column, days before the cutoff), the latest event first.
  template <class Use>
  void each_event(const History& history, const Use& use) const {
    const auto events = history.events();
    std::size_t visit = kNone;
    std::int64_t bin = -1;
    for (std::size_t i = events.size(); i-- > 0;) {
      const Event& event = events[i];
      const std::size_t c = event.code < channel_of_.size() ? channel_of_[event.code] : kNone;
      if (!event.time || c == kNone) continue;
      const auto& channel = encoder_.channels_[c];
      if (channel.number && (!event.number || event.unit != channel.unit)) continue;
      const Duration age = history.cutoff() - *event.time;
      if (age / encoder_.step_ != bin) {
        bin = age / encoder_.step_;
        if (++visit >= encoder_.options_.keep) return;  // kNone + 1 is 0
      }
      use(i, event, visit * width() + c + 1, static_cast<double>(age.count()) / 86400e6);
    }
  }

  const VisitEncoder& encoder_;
  std::vector<std::size_t> channel_of_;  // by code number
  std::vector<std::optional<float>> row_;
};

std::unique_ptr<EncoderSession> VisitEncoder::session(const CodeBook& codes) const {
  return std::make_unique<VisitSession>(*this, codes);
}

std::string VisitEncoder::save() const {
  Json channels = Json::array();
  for (const Channel& channel : channels_)
    channels.push_back({channel.code, channel.number, channel.unit});
  return Json{{"keep", options_.keep}, {"step", options_.step}, {"channels", channels}}.dump();
}

std::unique_ptr<VisitEncoder> VisitEncoder::load(const std::string& saved) {
  const Json json = Json::parse(saved);
  VisitOptions options;
  options.keep = json.at("keep");
  options.step = json.at("step");
  auto encoder = std::make_unique<VisitEncoder>(options);
  for (const auto& item : json.at("channels"))
    encoder->channels_.push_back({item.at(0), item.at(2), item.at(1)});
  encoder->name_columns();
  return encoder;
}

}  // namespace cangong
