// Where only the order of visits tells, models that read visits in order see it, and no other does.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/random.h"
#include "cli/show.h"
#include "days.h"
#include "engine/answer_patient.h"
#include "engine/engine.h"
#include "timeline/store_writer.h"

namespace cangong {
namespace {

constexpr int kPatients = 3000;

// Twelve visits, four with each of three drugs. The event follows where A comes right before B more
// often than B right before A. `times`: whether visits after the prediction are there too.
struct SequenceClinic {
  TempFolder folder;
  fs::path store = folder.path() / "store", labels = folder.path() / "labels";

  explicit SequenceClinic(bool with_future = false) {
    StoreWriter writer(store, {1 << 26, "law"});
    Random random(11);
    const auto add = [&](int patient, const std::string& code, double when) {
      Event event;
      event.code = writer.codes().intern(code);
      event.time = day(when);
      writer.add(PatientId(patient), event);
    };
    for (int i = 0; i < kPatients; ++i) {
      std::string drugs = "AAAABBBBCCCC";
      random.shuffle(std::span(drugs));
      int score = 0;
      double when = 10 + random.uniform();
      for (std::size_t k = 0; k < drugs.size(); ++k, when += 1 + 5 * random.uniform()) {
        add(i, std::string("DRUG//") + drugs[k], when);
        if (k > 0) score += (drugs.substr(k - 1, 2) == "AB") - (drugs.substr(k - 1, 2) == "BA");
      }
      add(i, "INDEX", 100);
      if (random.uniform() < (score > 0 ? 0.9 : score < 0 ? 0.1 : 0.5)) add(i, "EVENT", 101);
      if (with_future)
        for (int k = 0; k < 5; ++k) add(i, "DRUG//B", 100.5 + k);
    }
    writer.commit();
    write_file(folder.path() / "task.yaml", R"(
predicates: {index: {code: INDEX}, event: {code: EVENT}}
trigger: index
windows:
  target: {start: trigger, end: start + 3 days, start_inclusive: False, end_inclusive: True,
           label: event, index_timestamp: start}
)");
    label_data({{folder.path() / "task.yaml"}, std::nullopt, store, labels, 2});
  }

  fs::path train(const std::string& model) const {
    write_file(folder.path() / "way.yaml",
               "name: order\n"
               "encoder: {windows: [30d, all], aggregates: [count, time_since], "
               "exclude: [INDEX], visits: {keep: 12, include: [DRUG]}}\n"
               "baselines: [prevalence, linear, trees]\nmodel: " +
                   model + "\nsplit: {held_out: 0.3, tuning: 0.2}\n");
    TrainRequest request;
    request.recipe = folder.path() / "way.yaml", request.store = store, request.labels = labels;
    request.out = folder.path() / "models" / "m", request.threads = 2;
    train_model(request);
    return request.out;
  }
};

double auroc_of(const ModelResult& result) {
  for (const auto& metric : result.assessment.metrics)
    if (metric.name == "auroc") return metric.interval.value;
  return -1;
}

class OrderOfVisits : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
#ifndef CANGONG_HAS_TORCH
    GTEST_SKIP() << "this build has no torch part";
#endif
  }
};

TEST_P(OrderOfVisits, IsReadByModelsOfSequencesOnly) {
  const SequenceClinic clinic;
  const fs::path bundle = clinic.train(GetParam());
  EvaluateRequest request;
  request.bundle = bundle, request.store = clinic.store, request.labels = clinic.labels;
  request.replicates = 20;
  const StudyReport report = evaluate_model(request);
  const double own = auroc_of(report.models.at(0));
  EXPECT_GT(own, 0.75);
  for (std::size_t m = 1; m < report.models.size(); ++m)
    EXPECT_GT(own, auroc_of(report.models[m]) + 0.10) << report.models[m].name;
}

INSTANTIATE_TEST_SUITE_P(
    EveryKind, OrderOfVisits,
    testing::Values("{kind: gru, epochs: 40, learning_rate: 0.01}",
                    "{kind: lstm, epochs: 40, learning_rate: 0.01}",
                    "{kind: transformer, layers: 2, epochs: 60, learning_rate: 0.003}"));

TEST(Visits, TheFutureChangesNeitherAnswerNorReason) {
#ifndef CANGONG_HAS_TORCH
  GTEST_SKIP() << "this build has no torch part";
#endif
  const SequenceClinic past, both(true);
  const Pipeline pipeline =
      read_pipeline(Bundle::open(past.train("{kind: gru, units: 4, hidden: [], epochs: 2}")));
  const Store a = Store::open(past.store), b = Store::open(both.store);
  for (int i = 0; i < 3; ++i) {
    PredictReply one, two;
    const ExplainOptions how{"shap", "", {}};
    one.as_of = two.as_of = day(100);
    one.reply =
        answer_patient(pipeline, meaning_in(a), a.patient(PatientId(i)).until(day(100)), how);
    two.reply =
        answer_patient(pipeline, meaning_in(b), b.patient(PatientId(i)).until(day(100)), how);
    EXPECT_EQ(prediction_json(one), prediction_json(two));
    const auto& prediction = std::get<Prediction>(one.reply);
    double sum = prediction.base;
    for (const auto& reason : prediction.reasons) sum += reason.contribution;
    EXPECT_NEAR(sum, prediction.margin, 1e-4);
    const auto of_a_visit = [](const Reason& reason) { return reason.window == "visit -1"; };
    const auto found =
        std::find_if(prediction.reasons.begin(), prediction.reasons.end(), of_a_visit);
    ASSERT_NE(found, prediction.reasons.end());
    EXPECT_EQ(found->evidence.size(), 1u);
  }
}

}  // namespace
}  // namespace cangong
