#include "engine/check.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/error.h"
#include "evaluate/interval.h"
#include "vocab/units.h"

namespace cangong {
namespace {

using namespace std::chrono_literals;

// What a finding is called, in the order of the report.
enum Kind {
  two_births,
  after_death,
  before_birth,
  future,
  impossible,
  unknown_unit,
  mixed_units,
  duplicate,
  no_description,
  occurred_late,
  kKinds
};

struct Wording {
  const char *name, *english, *chinese;
};
constexpr Wording kWording[kKinds] = {
    {"two_births", "patients with more than one birth date", "有多个出生日期的患者"},
    {"after_death", "events more than a day after death", "死亡一天之后的事件"},
    {"before_birth", "events before birth", "出生之前的事件"},
    {"future", "events after this program's clock", "晚于当前时间的事件"},
    {"impossible_value", "values that their unit cannot have", "单位不可能取到的数值"},
    {"unknown_unit", "values with a unit that is not UCUM", "单位不属于 UCUM 的数值"},
    {"mixed_units", "codes that are recorded in several units", "使用多种单位的代码"},
    {"duplicate", "rows that repeat another row exactly", "与其他行完全重复的行"},
    {"no_description", "codes without a description", "没有说明的代码"},
    {"known_before_occurred", "events known before they happened", "在发生之前就已知的事件"}};

struct PerCode {
  std::uint64_t rows = 0, subjects = 0, numbers = 0;
  double low = 0, high = 0, sum = 0;
  std::map<std::string_view, std::uint64_t> units;
  std::string_view family;  // the head of the code
};

// Walks the store once.
class Checker {
 public:
  explicit Checker(const Store& store)
      : store_(store), codes_(store.codes().size()), drift_(store.codes().size()) {
    for (CodeId id = 0; id < codes_.size(); ++id) codes_[id].family = family_of(id);
    birth_ = store.codes().find("MEDS_BIRTH");
    death_ = store.codes().find("MEDS_DEATH");
    now_ = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  }

  CheckReport run() {
    std::vector<Hasher> hashers(store_.inventory().shards.size());
    store_.each(Columns::all, 1, [&](std::size_t shard, const Timeline& timeline) {
      for (const Event& event : timeline.events())
        add_row(hashers[shard], timeline.patient(), event, store_.codes().name(event.code));
      patient(timeline);
    });
    for (std::size_t i = 0; i < hashers.size(); ++i) {
      const auto& shard = store_.inventory().shards[i];
      if (hashers[i].finish() != shard.digest)
        fail(Fault::storage, (store_.generation() / shard.file).string() +
                                 ": its rows are not those that were imported; restore it from a "
                                 "backup or import again");
    }
    return finish();
  }

 private:
  std::string_view family_of(CodeId id) const {
    const std::string_view name = store_.codes().name(id);
    return name.substr(0, name.find("//"));
  }

  void count(Kind kind, CodeId code) { ++found_[kind][code]; }

  void patient(const Timeline& timeline) {
    ++report_.subjects;
    rows_per_subject_.push_back(static_cast<double>(timeline.events().size()));
    std::optional<Time> birth, death;
    int births = 0;
    for (const Event& event : timeline.events()) {
      if (birth_ && event.code == *birth_ && event.time)
        birth = event.occurred.value_or(*event.time), ++births;
      if (death_ && event.code == *death_ && event.time && !death) death = event.time;
    }
    if (births > 1) count(two_births, *birth_);
    year_ = nullptr;
    for (const Event& event : timeline.events()) row(event, birth, death);
    count_subjects(timeline);
    count_duplicates(timeline.events());
  }

  void row(const Event& event, std::optional<Time> birth, std::optional<Time> death) {
    ++report_.rows;
    PerCode& code = codes_[event.code];
    ++code.rows;
    if (!event.text.empty()) ++report_.texts;
    if (!event.time) {
      ++report_.static_rows;
    } else {
      count_year(*event.time, code);
      first_ = first_ ? std::min(*first_, *event.time) : *event.time;
      last_ = last_ ? std::max(*last_, *event.time) : *event.time;
      if (death && *event.time > *death + 24h) count(after_death, event.code);
      if (birth && *event.time < *birth) count(before_birth, event.code);
      if (*event.time > now_) count(future, event.code);
      if (event.occurred && *event.occurred > *event.time) count(occurred_late, event.code);
    }
    if (!event.number) return;
    ++report_.numbers;
    if (event.time) drift_.add(event.code, number_of_year_, *event.number);
    number(event, code);
  }

  // Events come in the order of time: each year of a patient begins once.
  void count_year(Time time, const PerCode& code) {
    if (!year_ || time >= year_end_) {
      const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(time));
      year_end_ = std::chrono::sys_days((date.year() + std::chrono::years(1)) / 1 / 1);
      number_of_year_ = static_cast<int>(date.year());
      year_ = &years_[number_of_year_];
      ++year_->subjects;
    }
    ++year_->rows;
    ++year_->families[code.family];
  }

  void number(const Event& event, PerCode& code) {
    const double v = *event.number;
    if (code.numbers++ == 0) code.low = code.high = v;
    code.low = std::min(code.low, v);
    code.high = std::max(code.high, v);
    code.sum += v;
    if (event.unit.empty()) return;
    ++code.units[event.unit];
    if (!is_known_unit(event.unit)) count(unknown_unit, event.code);
    const auto range = possible_range(event.unit);
    if (range && (v < range->low || v > range->high)) count(impossible, event.code);
  }

  void count_subjects(const Timeline& timeline) {
    seen_.clear();
    for (const Event& event : timeline.events())
      if (seen_.emplace(event.code, true).second) ++codes_[event.code].subjects;
  }

  // Rows of equal time are compared with each other; there are few of them.
  void count_duplicates(std::span<const Event> events) {
    const auto key = [](const Event& e) {
      return std::make_tuple(e.code, e.number.value_or(-1e38f), e.unit, e.text);
    };
    std::vector<const Event*> group;
    for (std::size_t i = 0; i < events.size();) {
      std::size_t j = i;
      group.clear();
      for (; j < events.size() && events[j].time == events[i].time; ++j)
        group.push_back(&events[j]);
      std::sort(group.begin(), group.end(),
                [&](const Event* a, const Event* b) { return key(*a) < key(*b); });
      for (std::size_t k = 1; k < group.size(); ++k)
        if (key(*group[k]) == key(*group[k - 1])) count(duplicate, group[k]->code);
      i = j;
    }
  }

  CheckReport finish() {
    if (first_) report_.first = format_time(*first_), report_.last = format_time(*last_);
    report_.median_rows_per_subject = quantile(rows_per_subject_, 0.5);
    for (const auto& [year, found] : years_) {
      YearSummary& summary = report_.years[year];
      summary.rows = found.rows, summary.subjects = found.subjects;
      for (const auto& [family, rows] : found.families)
        summary.families[std::string(family)] = rows;
    }
    for (const auto& [patient, split] : store_.splits()) ++report_.splits[split];
    std::vector<CodeId> order;
    for (CodeId id = 0; id < codes_.size(); ++id) {
      if (codes_[id].rows == 0) continue;
      ++report_.codes;
      order.push_back(id);
      report_.families[std::string(codes_[id].family)] += codes_[id].rows;
      for (const auto& [unit, rows] : codes_[id].units) report_.units[std::string(unit)] += rows;
      if (codes_[id].units.size() > 1) found_[mixed_units][id] = codes_[id].numbers;
      const bool described =
          id < store_.code_infos().size() && !store_.code_infos()[id].description.empty();
      if (!described) found_[no_description][id] = codes_[id].rows;
    }
    std::sort(order.begin(), order.end(),
              [&](CodeId a, CodeId b) { return codes_[a].rows > codes_[b].rows; });
    for (std::size_t k = 0; k < std::min<std::size_t>(order.size(), 25); ++k)
      report_.top_codes.push_back(summary(order[k]));
    report_.drift = drift_.largest(store_.codes(), 12);
    for (int kind = 0; kind < kKinds; ++kind) add_finding(static_cast<Kind>(kind));
    return std::move(report_);
  }

  CodeSummary summary(CodeId id) const {
    const PerCode& code = codes_[id];
    CodeSummary s{store_.codes().name(id),
                  "",
                  "",
                  code.rows,
                  code.subjects,
                  code.numbers,
                  code.low,
                  code.high,
                  code.numbers ? code.sum / static_cast<double>(code.numbers) : 0};
    if (id < store_.code_infos().size()) s.description = store_.code_infos()[id].description;
    if (!code.units.empty()) s.unit = code.units.begin()->first;
    return s;
  }

  void add_finding(Kind kind) {
    const auto& codes = found_[kind];
    if (codes.empty()) return;
    Finding finding{kWording[kind].name, kWording[kind].english, kWording[kind].chinese, 0, {}};
    std::vector<std::pair<CodeId, std::uint64_t>> list(codes.begin(), codes.end());
    std::sort(list.begin(), list.end(), [](auto& a, auto& b) {
      return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    const bool per_code = kind == mixed_units || kind == no_description;
    for (const auto& [id, rows] : list) finding.count += per_code ? 1 : rows;
    for (std::size_t k = 0; k < std::min<std::size_t>(list.size(), 5); ++k)
      finding.codes.emplace_back(store_.codes().name(list[k].first), list[k].second);
    report_.findings.push_back(std::move(finding));
  }

  struct Year {
    std::uint64_t rows = 0, subjects = 0;
    std::unordered_map<std::string_view, std::uint64_t> families;
  };

  const Store& store_;
  std::vector<PerCode> codes_;
  DriftTable drift_;
  std::map<int, Year> years_;
  int number_of_year_ = 0;
  Year* year_ = nullptr;  // of the event at hand
  Time year_end_;
  std::optional<CodeId> birth_, death_;
  std::optional<Time> first_, last_;
  Time now_;
  CheckReport report_;
  std::unordered_map<CodeId, std::uint64_t> found_[kKinds];
  std::unordered_map<CodeId, bool> seen_;
  std::vector<double> rows_per_subject_;
};

}  // namespace

CheckReport check_store(const fs::path& path) {
  const Store store = Store::open(path);
  CheckReport report = Checker(store).run();
  report.synthetic = store.inventory().synthetic;
  return report;
}

}  // namespace cangong
