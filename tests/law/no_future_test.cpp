// The law: adding events after the cutoff changes no feature, score or reason; and no source makes
// a fact visible before it was known.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/random.h"
#include "cli/show.h"
#include "days.h"
#include "encode/windowed.h"
#include "engine/answer_patient.h"
#include "engine/engine.h"
#include "timeline/store_writer.h"

namespace cangong {
namespace {

// 200 patients with labs before and after day 100; who has high labs gets the event.
struct Invented {
  TempFolder folder;
  fs::path store = folder.path() / "store", labels = folder.path() / "labels";

  explicit Invented(bool with_future) {
    StoreWriter writer(store, {1 << 26, "law"});
    Random random(4), later(5);
    const auto add = [&](PatientId patient, const std::string& code, std::optional<Time> time,
                         std::optional<float> number = std::nullopt) {
      Event event;
      event.code = writer.codes().intern(code);
      event.time = time;
      event.number = number;
      event.unit = number ? "mg/dL" : "";
      writer.add(patient, event);
    };
    for (int i = 0; i < 200; ++i) {
      const PatientId patient(i);
      const double level = random.normal();
      add(patient, i % 2 ? "GENDER//F" : "GENDER//M", std::nullopt);
      add(patient, "MEDS_BIRTH", day(-9000 - 40 * i));
      for (int k = 0; k < 8; ++k)
        add(patient, "LAB//A", day(90 + k + random.uniform()),
            static_cast<float>(level + 0.3 * random.normal()));
      add(patient, "LAB//B", day(60 + 30 * random.uniform()), static_cast<float>(random.normal()));
      add(patient, "VISIT", day(100));
      const bool ill = level + 0.5 * random.normal() > 0.3;
      if (ill) add(patient, "EVENT", day(101));
      if (!with_future) continue;
      for (int k = 0; k < 20; ++k)
        add(patient, k % 2 ? "LAB//A" : "LAB//C", day(100.01 + 30 * later.uniform()),
            static_cast<float>(1000 * later.normal()));
    }
    writer.commit();
  }
};

const char* kNoFutureTask = R"(
predicates: {visit: {code: VISIT}, event: {code: EVENT}}
trigger: visit
windows:
  target: {start: trigger, end: start + 3 days, start_inclusive: False, end_inclusive: True,
           label: event, index_timestamp: start}
)";

std::string recipe(const std::string& model) {
  return "name: law\nencoder: {windows: [7d, all], aggregates: [last, first, count, min, max, "
         "mean, "
         "slope, time_since]}\nmodel: " +
         model + "\nsplit: {held_out: 0.25, tuning: 0.25}\n";
}

TEST(NoFuture, EveryAggregateOfTheWindowedEncoder) {
  const Invented past(false), both(true);
  const Store a = Store::open(past.store), b = Store::open(both.store);
  std::vector<LabelRow> rows;
  for (int i = 0; i < 200; ++i) rows.push_back({PatientId(i), day(100), true});
  WindowedOptions options;
  options.aggregates = {Aggregate::last, Aggregate::first, Aggregate::count, Aggregate::min,
                        Aggregate::max,  Aggregate::mean,  Aggregate::slope, Aggregate::time_since};
  WindowedEncoder on_past(options), on_both(options);
  on_past.fit(StoreHistories(a, rows));
  on_both.fit(StoreHistories(b, rows));
  EXPECT_EQ(on_past.save(), on_both.save());
  const Batch x = encode(on_past, StoreHistories(a, rows), 1);
  const Batch y = encode(on_both, StoreHistories(b, rows), 2);
  ASSERT_EQ(x.offsets, y.offsets);
  for (std::size_t i = 0; i < x.entries.size(); ++i) {
    EXPECT_EQ(x.entries[i].column, y.entries[i].column);
    EXPECT_EQ(x.entries[i].value, y.entries[i].value);
  }
}

class NoFutureModel : public testing::TestWithParam<const char*> {};

TEST_P(NoFutureModel, NeitherScoreNorReasonChanges) {
#ifndef CANGONG_HAS_TORCH
  if (std::string(GetParam()).find("mlp") != std::string::npos)
    GTEST_SKIP() << "this build has no torch part";
#endif
  const Invented past(false), both(true);
  const fs::path task = past.folder.path() / "task.yaml", way = past.folder.path() / "way.yaml";
  write_file(task, kNoFutureTask);
  write_file(way, recipe(GetParam()));
  label_data({{task}, std::nullopt, past.store, past.labels, 1});
  TrainRequest request;
  request.recipe = way, request.store = past.store, request.labels = past.labels;
  request.out = past.folder.path() / "models" / "m";
  train_model(request);
  const Pipeline pipeline = read_pipeline(Bundle::open(request.out));
  const Store a = Store::open(past.store), b = Store::open(both.store);
  int predicted = 0;
  for (int i = 0; i < 200; i += 7) {
    PredictReply one, two;
    one.as_of = two.as_of = day(100);
    one.reply = answer_patient(pipeline, meaning_in(a), a.patient(PatientId(i)).until(day(100)),
                               {"shap", "", {}});
    two.reply = answer_patient(pipeline, meaning_in(b), b.patient(PatientId(i)).until(day(100)),
                               {"shap", "", {}});
    EXPECT_EQ(prediction_json(one), prediction_json(two));
    const auto* p = std::get_if<Prediction>(&one.reply);
    if (!p) continue;
    ++predicted;
    double sum = p->base;
    for (const auto& reason : p->reasons) sum += reason.contribution;
    EXPECT_NEAR(sum, p->margin, 1e-4);
  }
  EXPECT_GT(predicted, 20);
}

INSTANTIATE_TEST_SUITE_P(EveryLearner, NoFutureModel,
                         testing::Values("{kind: linear}", "{kind: trees, rounds: 30}",
                                         "{kind: ebm, rounds: 30}",
                                         "{kind: mlp, hidden: [8], epochs: 5}"));

// A source's facts as (code, known, occurred).
std::vector<std::string> facts_of(const fs::path& store) {
  std::vector<std::string> lines;
  const Store opened = Store::open(store);
  opened.each(Columns::all, [&](const Timeline& timeline) {
    for (const Event& e : timeline.events())
      lines.push_back(opened.codes().name(e.code) + " " +
                      (e.time ? format_time(*e.time) : "static") + " " +
                      (e.occurred ? format_time(*e.occurred) : "-"));
  });
  return lines;
}

bool visible_at(const fs::path& store, const std::string& code, const std::string& when) {
  const Store opened = Store::open(store);
  bool seen = false;
  opened.each(Columns::none, [&](const Timeline& timeline) {
    const History history = timeline.until(parse_moment(when, Zone())->first);
    for (const Event& e : history.events()) seen |= opened.codes().name(e.code) == code;
  });
  return seen;
}

TEST(NoFuture, AFhirLabDrawnAt8AndIssuedAt14IsInvisibleAt10) {
  const TempFolder folder;
  write_file(folder.path() / "all.ndjson",
             R"({"resourceType":"Patient","id":"p","birthDate":"1950-03"}
{"resourceType":"Observation","id":"o","status":"final","subject":{"reference":"Patient/p"},)"
             R"("code":{"coding":[{"system":"http://loinc.org","code":"2160-0"}]},)"
             R"("effectiveDateTime":"2020-01-01T08:00:00Z","issued":"2020-01-01T14:00:00Z",)"
             R"("valueQuantity":{"value":1.2,"unit":"mg/dL"}}
)");
  ImportRequest request;
  request.format = "fhir";
  request.source.path = folder.path() / "all.ndjson";
  request.store = folder.path() / "store";
  import_data(request);
  EXPECT_FALSE(visible_at(request.store, "LOINC//2160-0", "2020-01-01T10:00:00Z"));
  EXPECT_TRUE(visible_at(request.store, "LOINC//2160-0", "2020-01-01T14:00:00Z"));
  const auto facts = facts_of(request.store);
  EXPECT_EQ(facts[0], "MEDS_BIRTH 1950-03-31T23:59:59.999999Z 1950-03-01T00:00:00Z");
  EXPECT_EQ(facts[1], "LOINC//2160-0 2020-01-01T14:00:00Z 2020-01-01T08:00:00Z");
}

TEST(NoFuture, ACsvDateIsKnownAtItsLastInstant) {
  const TempFolder folder;
  write_file(folder.path() / "t.csv",
             "id,drawn,reported,x\n1,2020-01-01T08:00,2020-01-01T14:00,5\n"
             "2,2020-01-01T08:00,2020-01-01,6\n");
  write_file(folder.path() / "m.yaml", R"(
tables:
  - files: t.csv
    subject: {column: id, keep: true}
    time: {column: reported}
    events: [{code: LAB, value: x, occurred: {column: drawn}}]
)");
  ImportRequest request;
  request.format = "csv";
  request.source.path = folder.path() / "t.csv";
  request.source.mapping = folder.path() / "m.yaml";
  request.store = folder.path() / "store";
  import_data(request);
  EXPECT_FALSE(visible_at(request.store, "LAB", "2020-01-01T10:00:00Z"));
  EXPECT_EQ(facts_of(request.store),
            (std::vector<std::string>{"LAB 2020-01-01T14:00:00Z 2020-01-01T08:00:00Z",
                                      "LAB 2020-01-01T23:59:59.999999Z 2020-01-01T08:00:00Z"}));
}

TEST(Learning, FindsThePlantedCauseAndShuffledLabelsGiveAHalf) {
  const Invented hospital(true);
  const fs::path task = hospital.folder.path() / "task.yaml",
                 way = hospital.folder.path() / "way.yaml";
  write_file(task, kNoFutureTask);
  write_file(way, "name: law\nmodel: {kind: trees}\nvalidation: {folds: 5}\nbaselines: [linear]\n");
  label_data({{task}, std::nullopt, hospital.store, hospital.labels, 1});
  TrainRequest request;
  request.recipe = way, request.store = hospital.store, request.labels = hospital.labels;
  request.out = hospital.folder.path() / "models" / "m";
  train_model(request);
  EvaluateRequest judge;
  judge.bundle = request.out, judge.store = hospital.store, judge.labels = hospital.labels;
  judge.replicates = 100;
  const auto auroc = [](const StudyReport& r) {
    return r.models[0].assessment.metrics[0].interval;
  };
  const StudyReport honest = evaluate_model(judge);
  EXPECT_GT(auroc(honest).low, 0.75);
  EXPECT_TRUE(honest.importance[0].feature.starts_with("LAB//A")) << honest.importance[0].feature;

  auto rows = read_labels(hospital.labels);
  Random random(2);
  std::vector<std::optional<Label>> labels;
  for (const auto& row : rows) labels.push_back(row.label);
  random.shuffle(std::span(labels));
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].label = labels[i];
  write_labels(files_below(hospital.labels).front(), rows);
  train_model(request);
  const Interval shuffled = auroc(evaluate_model(judge));
  EXPECT_LT(shuffled.low, 0.5);
  EXPECT_GT(shuffled.high, 0.5);
}

}  // namespace
}  // namespace cangong
