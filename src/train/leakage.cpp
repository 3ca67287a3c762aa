#include "train/leakage.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <unordered_set>

#include "base/random.h"
#include "base/text.h"
#include "evaluate/binary.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostExamples = 20'000;
constexpr double kNearPerfect = 0.98, kNearPerfectAtLeast = 0.95;  // AUROC and its lower bound
constexpr double kChance = 1e-9;  // that a code stands with one answer only by accident
constexpr std::size_t kFewest = 10;

constexpr std::array<LeakCheck, 9> kChecks{{
    {"near_perfect_value", "its last value tells the answer almost by itself",
     "其最近数值几乎可以单独判定结局"},
    {"near_perfect_code", "that it stands in the record tells the answer almost by itself",
     "其是否出现几乎可以单独判定结局"},
    {"only_with_answer", "it stands only in records whose answer is yes",
     "仅出现于阳性样本的记录中"},
    {"never_with_answer", "it never stands in a record whose answer is yes",
     "从不出现于阳性样本的记录中"},
    {"record_shape", "a fact about the record, not the patient, tells the answer",
     "与病情无关的记录特征即可判定结局"},
    {"happened_later", "it is known before it happened, so it was written down afterwards",
     "在发生之前即已记录，应为事后补记"},
    {"after_answer", "it occurs only after the event that answers the question",
     "仅出现于结局事件之后"},
    {"after_death", "the prediction is made after the patient's death", "预测时间晚于患者死亡"},
    {"duplicate_patients", "the same record stands under two numbers", "同一记录对应两个患者编号"},
}};

// The rows whose answers are told apart, and which of them are cases.
struct Cases {
  std::vector<LabelRow> rows;  // in the order of patients
  std::vector<double> is_case;
  double share = 0;
};

double number_of(const Label& label) {
  if (const auto* yes = std::get_if<bool>(&label)) return *yes;
  if (const auto* n = std::get_if<std::int64_t>(&label)) return static_cast<double>(*n);
  if (const auto* x = std::get_if<double>(&label)) return *x;
  return 0;
}

double median_days(const std::vector<LabelRow>& rows) {
  std::vector<double> days;
  for (const auto& row : rows)
    if (const auto* s = std::get_if<Survival>(&*row.label)) days.push_back(s->days);
  return quantile(days, 0.5);
}

Cases cases_of(const std::vector<LabelRow>& rows, std::uint64_t seed) {
  Cases cases;
  for (const auto& row : rows)
    if (row.label) cases.rows.push_back(row);
  Random random(seed);
  if (cases.rows.size() > kMostExamples) {
    random.shuffle(std::span(cases.rows));
    cases.rows.resize(kMostExamples);
  }
  std::stable_sort(cases.rows.begin(), cases.rows.end(), [](const auto& a, const auto& b) {
    return a.patient != b.patient ? a.patient < b.patient : a.when < b.when;
  });
  std::vector<double> values;
  std::map<std::string, std::size_t> classes;
  const double half = median_days(cases.rows);
  for (const auto& row : cases.rows) {
    const auto* s = std::get_if<Survival>(&*row.label);
    values.push_back(s ? s->cause != 0 && s->days <= half : number_of(*row.label));
    if (const auto* word = std::get_if<std::string>(&*row.label)) ++classes[*word];
  }
  std::string rarest;  // of classes, the rarest is the case
  for (const auto& [word, count] : classes)
    if (rarest.empty() || count < classes[rarest]) rarest = word;
  auto sorted = values;
  std::sort(sorted.begin(), sorted.end());
  const double middle = sorted.empty() ? 0 : std::max(0.0, sorted[sorted.size() / 2]);
  const bool yes_or_no =
      std::all_of(values.begin(), values.end(), [](double v) { return v == 0 || v == 1; });
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto* word = std::get_if<std::string>(&*cases.rows[i].label);
    const bool is = word ? *word == rarest : yes_or_no ? values[i] == 1 : values[i] > middle;
    cases.is_case.push_back(is);
    cases.share += is;
  }
  if (!values.empty()) cases.share /= static_cast<double>(values.size());
  return cases;
}

struct Use {
  std::uint32_t example;
  float value;  // the last number; NaN without one
};

// What each example's history holds, gathered in one pass.
class Gatherer {
 public:
  Gatherer(const LeakageInput& input, const Cases& cases)
      : input_(input),
        cases_(cases),
        uses(input.store.codes().size()),
        later(uses.size()),
        before(uses.size()),
        after(uses.size()) {
    for (auto& values : shape) values.resize(cases.rows.size());
    death_ = input.store.codes().find("MEDS_DEATH");
  }

  void run() {
    input_.store.each(Columns::occurred, [&](const Timeline& timeline) { read(timeline); });
  }

 private:
  static constexpr std::size_t kShapes = 5;

  void read(const Timeline& timeline) {
    const PatientId patient = timeline.patient();
    const auto less = [](const LabelRow& row, PatientId id) { return row.patient < id; };
    auto at = std::lower_bound(cases_.rows.begin(), cases_.rows.end(), patient, less);
    if (at == cases_.rows.end() || at->patient != patient) return;
    look_for_duplicate(timeline);
    count_around_answer(timeline);
    for (; at != cases_.rows.end() && at->patient == patient; ++at)
      read(timeline.until(at->when), static_cast<std::uint32_t>(at - cases_.rows.begin()));
  }

  void read(const History& history, std::uint32_t example) {
    last_.clear();
    bool dead = false, late = false;
    for (const Event& event : history.events()) {
      const auto entry = last_.emplace(event.code, std::nanf("")).first;
      if (event.number) entry->second = *event.number;
      dead |= death_ && event.code == *death_ && event.time && *event.time < history.cutoff();
      if (event.occurred && *event.occurred > history.cutoff()) {
        ++later[event.code];
        late = true;
      }
    }
    for (const auto& [code, value] : last_) uses[code].push_back({example, value});
    after_death += dead;
    with_later += late;
    add_shape(history, example);
  }

  void add_shape(const History& history, std::uint32_t example) {
    const auto& events = history.events();
    const auto timed = std::find_if(events.begin(), events.end(),
                                    [](const Event& e) { return e.time.has_value(); });
    const auto day = std::chrono::floor<std::chrono::days>(history.cutoff());
    const std::array<double, kShapes> values{
        static_cast<double>(history.patient().for_storage()), static_cast<double>(events.size()),
        timed == events.end() ? 0 : days_between(*timed->time, history.cutoff()),
        std::chrono::duration<double>(history.cutoff() - day).count(),
        days_between(Time(), history.cutoff())};
    for (std::size_t k = 0; k < kShapes; ++k) shape[k][example] = values[k];
  }

  void count_around_answer(const Timeline& timeline) {
    const auto first = input_.labeller ? input_.labeller->first_answer(timeline, 0) : std::nullopt;
    for (const Event& event : timeline.events())
      ++(first && event.time && *event.time > *first ? after : before)[event.code];
  }

  void look_for_duplicate(const Timeline& timeline) {
    std::size_t hash = 0, timed = 0;
    const auto mix = [&](std::size_t value) {
      hash ^= value + 0x9e3779b97f4a7c15 + (hash << 6) + (hash >> 2);
    };
    for (const Event& event : timeline.events()) {
      mix(event.code);
      if (event.time)
        mix(static_cast<std::size_t>(event.time->time_since_epoch().count())), ++timed;
      if (event.number) mix(std::hash<float>()(*event.number));
    }
    if (timed >= 5 && !seen_.insert(hash).second) ++duplicates;
  }

  const LeakageInput& input_;
  const Cases& cases_;
  std::optional<CodeId> death_;
  std::unordered_map<CodeId, float> last_;
  std::unordered_set<std::size_t> seen_;

 public:
  std::vector<std::vector<Use>> uses;               // by code
  std::vector<std::uint64_t> later, before, after;  // by code: events
  std::array<std::vector<double>, kShapes> shape;
  std::uint64_t after_death = 0, with_later = 0, duplicates = 0;
};

constexpr const char* kShapeNames[] = {"the patient's number", "how many events the record has",
                                       "how long the record is", "the time of day",
                                       "the calendar date"};

class Judge {
 public:
  Judge(const LeakageInput& input, const Cases& cases, const Gatherer& found)
      : input_(input), cases_(cases), found_(found) {
    report_.examples = cases.rows.size();
    report_.cases = static_cast<std::size_t>(
        std::count_if(cases.is_case.begin(), cases.is_case.end(), [](double v) { return v > 0; }));
  }

  LeakageReport run() {
    const bool both = report_.cases > 0 && report_.cases < report_.examples;
    for (CodeId code = 0; both && code < found_.uses.size(); ++code) judge_code(code);
    for (std::size_t k = 0; both && k < found_.shape.size(); ++k)
      if (const auto count = near_perfect(found_.shape[k], cases_.is_case))
        add("record_shape", kShapeNames[k], *count);
    for (CodeId code = 0; code < found_.later.size(); ++code)
      if (found_.later[code] > 0)
        add("happened_later", input_.store.codes().name(code), found_.later[code]);
    if (found_.after_death) add("after_death", "MEDS_DEATH", found_.after_death);
    if (found_.duplicates) add("duplicate_patients", "", found_.duplicates);
    std::stable_sort(report_.findings.begin(), report_.findings.end(),
                     [](const Leak& a, const Leak& b) { return rank(a.kind) < rank(b.kind); });
    return std::move(report_);
  }

 private:
  static std::size_t rank(const std::string& kind) {
    return static_cast<std::size_t>(
        std::find_if(kChecks.begin(), kChecks.end(),
                     [&](const LeakCheck& check) { return check.kind == kind; }) -
        kChecks.begin());
  }

  void add(const std::string& kind, const std::string& what, std::uint64_t count) {
    const LeakCheck& check = kChecks[rank(kind)];
    report_.findings.push_back({kind, what, check.english, check.chinese, count});
  }

  // The number of values, where they tell the answer almost by themselves.
  static std::optional<std::uint64_t> near_perfect(const std::vector<double>& values,
                                                   const std::vector<double>& truth) {
    const auto cases = std::count(truth.begin(), truth.end(), 1.0);
    const auto others = static_cast<std::ptrdiff_t>(truth.size()) - cases;
    const auto fewest = static_cast<std::ptrdiff_t>(kFewest);
    if (cases < fewest || others < fewest) return std::nullopt;
    Interval area = auroc_delong(values, truth);
    if (area.value < 0.5) area = {1 - area.value, 1 - area.high, 1 - area.low};
    if (!(area.value >= kNearPerfect && area.low >= kNearPerfectAtLeast)) return std::nullopt;
    return values.size();
  }

  void judge_code(CodeId code) {
    const auto& uses = found_.uses[code];
    if (uses.size() < kFewest) return;
    const std::string& name = input_.store.codes().name(code);
    std::vector<double> values, truth;
    double with_cases = 0;
    for (const Use& use : uses) {
      const double is_case = cases_.is_case[use.example];
      with_cases += is_case;
      if (!std::isnan(use.value)) values.push_back(use.value), truth.push_back(is_case);
    }
    if (near_perfect(values, truth)) add("near_perfect_value", name, values.size());
    judge_presence(name, with_cases, static_cast<double>(uses.size()) - with_cases);
    const bool only_after = found_.before[code] == 0 && found_.after[code] >= 2 * kFewest;
    if (only_after) add("after_answer", name, uses.size());
  }

  void judge_presence(const std::string& name, double with_cases, double with_others) {
    const double cases = static_cast<double>(report_.cases);
    const double others = static_cast<double>(report_.examples) - cases;
    const double a = with_cases / cases, b = with_others / others;
    const auto all = static_cast<std::uint64_t>(with_cases + with_others);
    if (0.5 + std::abs(a - b) / 2 >= kNearPerfect && cases >= kFewest && others >= kFewest)
      add("near_perfect_code", name, all);
    else if (with_others == 0 && a >= 0.05 && std::pow(cases_.share, with_cases) < kChance)
      add("only_with_answer", name, all);
    else if (with_cases == 0 && b >= 0.5 && std::pow(1 - cases_.share, with_others) < kChance)
      add("never_with_answer", name, all);
  }

  const LeakageInput& input_;
  const Cases& cases_;
  const Gatherer& found_;
  LeakageReport report_;
};

}  // namespace

std::span<const LeakCheck> leak_checks() {
  return kChecks;
}

LeakageReport find_leaks(const LeakageInput& input) {
  const Cases cases = cases_of(input.rows, input.seed);
  Gatherer found(input, cases);
  found.run();
  return Judge(input, cases, found).run();
}

std::string leakage_json(const LeakageReport& report) {
  Json checks = Json::array(), findings = Json::array();
  for (const LeakCheck& check : kChecks) checks.push_back(check.kind);
  for (const Leak& leak : report.findings)
    findings.push_back(
        {{"kind", leak.kind}, {"what", leak.what}, {"means", leak.english}, {"count", leak.count}});
  return Json{{"examples", report.examples},
              {"cases", report.cases},
              {"looked_for", checks},
              {"findings", findings}}
      .dump(1);
}

LeakageReport load_leakage(const std::string& text) {
  const Json json = Json::parse(text);
  LeakageReport report;
  report.examples = json.at("examples");
  report.cases = json.at("cases");
  for (const auto& item : json.at("findings")) {
    Leak leak{item.at("kind"), item.at("what"), item.at("means"), "", item.at("count")};
    for (const LeakCheck& check : kChecks)
      if (check.kind == leak.kind) leak.chinese = check.chinese;
    report.findings.push_back(std::move(leak));
  }
  return report;
}

}  // namespace cangong
