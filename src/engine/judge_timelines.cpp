#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/progress.h"
#include "base/random.h"
#include "base/text.h"
#include "engine/judged_outcome.h"
#include "engine/known_effects.h"
#include "timeline/vector_table.h"

namespace cangong {
namespace {

constexpr std::size_t kTogether = 64;  // people whose futures are drawn at once

// One patient at the moment, and what came by the end.
struct JudgedPerson {
  PatientId patient;
  FutureRequest request;
  std::set<std::int32_t> came;  // first ids of codes
};

class Gathering {
 public:
  Gathering(const TimelineModel& model, const Store& store, const JudgeTimelinesRequest& request,
            Time as_of)
      : model_(model),
        request_(request),
        as_of_(as_of),
        horizon_(years_long(request.years)),
        rules_(model.rules()),
        tokenizer_(model.vocabulary(), store.codes(), store.code_infos()) {}

  void look_at(const Timeline& timeline) {
    Time last = Time::min();
    for (const Event& event : timeline.events())
      if (event.time) last = std::max(last, *event.time);
    ends_.push_back(last);
  }

  void add(const Timeline& timeline) {
    const History history = timeline.until(as_of_);
    const LifeSoFar life = life_so_far(history);
    if (!life.age_days || life.is_dead || *life.age_days < 0) return;
    const auto place = static_cast<std::uint64_t>(timeline.patient().for_storage());
    const std::uint64_t lot = Random(request_.seed * 0x9e3779b97f4a7c15 ^ place).next();
    if (drawn_.size() == request_.patients && lot >= std::prev(drawn_.end())->first) return;
    const AskedMoment moment{as_of_, *life.age_days, tokenizer_.tokens(history)};
    JudgedPerson one{timeline.patient(), question_of(model_, moment.history, moment.age_days), {}};
    one.request.until = moment.until(horizon_), one.request.futures = request_.futures;
    one.request.tell_by = {one.request.until};
    if (one.request.until > kOldestDays) return;
    const TokenSequence later = tokenizer_.tokens(timeline.until(as_of_ + horizon_));
    for (std::size_t i = 0; i < later.ids.size(); ++i)
      if (later.days[i] > moment.age_days) one.came.insert(rules_.kin_of(later.ids[i]).first);
    drawn_.emplace(lot, std::move(one));
    if (drawn_.size() > request_.patients) drawn_.erase(std::prev(drawn_.end()));
  }

  // Throws Fault::input where the records do not reach to the end.
  std::vector<JudgedPerson> people() && {
    if (ends_.empty()) fail(Fault::input, "the store has no patients");
    const Time end = end_of_records(ends_);
    if (as_of_ + horizon_ > end)
      fail(Fault::input, "the store's records end on " + format_time(end).substr(0, 10) +
                             ": what came later is not known; ask for an earlier --as-of or for "
                             "fewer --years");
    if (drawn_.empty())
      fail(Fault::input, "nobody who had no part in the training was alive at --as-of");
    std::vector<JudgedPerson> all;
    for (auto& [lot, one] : drawn_) all.push_back(std::move(one));
    return all;
  }
  const FutureRules& rules() const { return rules_; }

 private:
  const TimelineModel& model_;
  const JudgeTimelinesRequest& request_;
  Time as_of_;
  Duration horizon_;
  FutureRules rules_;
  Tokenizer tokenizer_;
  std::vector<Time> ends_;                       // of each patient's records
  std::map<std::uint64_t, JudgedPerson> drawn_;  // the smallest lots
};

// The true risks of a synthetic hospital, by patient and place of the code.
struct KnownRisks {
  Time when;
  double years = 0;
  std::map<std::string, std::size_t> place;
  std::map<PatientId, std::vector<float>> risks;

  static KnownRisks read(const fs::path& folder, const std::set<PatientId>* wanted) {
    KnownRisks known;
    const fs::path file = folder / "risks.parquet";
    std::size_t width = 0;
    const auto about = read_vectors(file, "risk", [&](PatientId who, Time when, auto risks) {
      known.when = when, width = risks.size();
      if (wanted && wanted->contains(who)) known.risks[who].assign(risks.begin(), risks.end());
    });
    const auto years = about.find("years"), codes = about.find("codes");
    if (years == about.end() || codes == about.end())
      fail(Fault::input, file.string() + ": not the true risks of a synthetic hospital");
    known.years = parse_number(years->second).value_or(0);
    for (const std::string_view code : split(codes->second, '\n'))
      known.place.emplace(code, known.place.size());
    if (width == 0 || known.place.size() != width || !(known.years > 0))
      fail(Fault::input, file.string() + ": not the true risks of a synthetic hospital");
    return known;
  }
};

// By id of the outcome.
std::map<std::int32_t, OutcomeTold> foretold(const TimelineModel& model,
                                             std::vector<JudgedPerson>& people,
                                             const FutureRules& rules, const KnownRisks* known,
                                             const JudgeTimelinesRequest& request) {
  const TokenVocabulary& vocabulary = model.vocabulary();
  const DecoderFutures simulator(model.weights(), rules, request.device);
  std::map<std::int32_t, OutcomeTold> all;
  Progress progress("drawing futures", people.size());
  for (std::size_t from = 0; from < people.size(); from += kTogether) {
    stop_if_interrupted();
    const std::size_t count = std::min(kTogether, people.size() - from);
    std::vector<FutureRequest> requests;
    for (std::size_t i = 0; i < count; ++i) requests.push_back(std::move(people[from + i].request));
    std::vector<Expected> expected(count);
    simulator.draw(requests, request.seed + from, request.threads, expected);
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<float> may(vocabulary.size(), 1);
      for (const auto* ids : {&requests[i].ids, &requests[i].happened})
        for (const std::int32_t id : *ids) rules.ban(id, may.data());
      for (auto id = vocabulary.first_outcome(); id < static_cast<std::int32_t>(vocabulary.size());
           ++id) {
        if (vocabulary.token(id).part > 0 || may[static_cast<std::size_t>(id)] == 0) continue;
        OutcomeTold& told = all[id];
        told.chance.push_back(expected[i].by.back()[static_cast<std::size_t>(id)]);
        told.truth.push_back(people[from + i].came.contains(id));
        if (!known) continue;
        const auto place = known->place.find(vocabulary.token(id).code);
        const auto risks = known->risks.find(people[from + i].patient);
        told.true_risk.push_back(place == known->place.end() || risks == known->risks.end()
                                     ? kNaN
                                     : double{risks->second[place->second]});
      }
    }
    progress.at(from + count);
  }
  return all;
}

}  // namespace

TimelinesReport judge_timelines(const JudgeTimelinesRequest& asked) {
  JudgeTimelinesRequest request = asked;
  Time as_of;
  if (!request.truth.empty()) {
    const KnownRisks known = KnownRisks::read(request.truth, nullptr);
    as_of = known.when, request.years = known.years;
  } else {
    const auto moment = parse_moment(request.as_of, Zone(request.zone));
    if (!moment)
      fail(Fault::input,
           "--as-of \"" + request.as_of + "\" is not a date or time; write 2020-03-01");
    as_of = moment->last;
  }
  require_enough(request.futures);
  const Bundle bundle = Bundle::open(request.bundle);
  TimelineModel model = TimelineModel::open(bundle);
  if (request.format != FloatFormat::float32) model.set_format(request.format);
  const Store store = Store::open(request.store);
  TimelinesReport report = begin_judging(bundle, model, store, request);
  report.as_of = as_of, report.years = request.years;
  const SplitOf split(store, parse_pretrain_recipe(bundle.read("recipe.yaml"), "recipe.yaml"));
  const auto judges = judges_of(report, split);
  Gathering gathering(model, store, request, as_of);
  Progress progress("reading records", store.inventory().subjects());
  store.each(Columns::all, [&](const Timeline& timeline) {
    gathering.look_at(timeline);
    if (judges(timeline.patient())) gathering.add(timeline);
    progress.step();
  });
  const FutureRules rules = gathering.rules();
  std::vector<JudgedPerson> people = std::move(gathering).people();
  report.patients = people.size();
  const Meaning meaning = meaning_in(store);
  std::optional<KnownRisks> known;
  if (!request.truth.empty()) {
    std::set<PatientId> wanted;
    for (const JudgedPerson& one : people) wanted.insert(one.patient);
    known = KnownRisks::read(request.truth, &wanted);
    constexpr std::size_t kPeopleOfAnArm = 200;
    KnownEffects effects(model, request.truth, kPeopleOfAnArm);
    for (const JudgedPerson& one : people) effects.add(one.request);
    report.effects = effects.told(request.threads);
  }
  for (const auto& [id, told] :
       foretold(model, people, rules, known ? &*known : nullptr, request)) {
    JudgedOutcome outcome = judged(told);
    outcome.code = model.vocabulary().token(id).code;
    outcome.description = meaning(outcome.code);
    report.outcomes.push_back(std::move(outcome));
  }
  std::stable_sort(report.outcomes.begin(), report.outcomes.end(),
                   [](const auto& a, const auto& b) { return a.observed > b.observed; });
  end_judging(report, request);
  return report;
}

}  // namespace cangong
