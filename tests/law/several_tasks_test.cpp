// One network, several tasks: each is answered, a missing label has no say.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/random.h"
#include "cli/show.h"
#include "days.h"
#include "engine/answer_patient.h"
#include "engine/engine.h"
#include "timeline/store_writer.h"

namespace cangong {
namespace {

// 1,200 patients with two labs. High A brings the event; A + B is the later value; who is followed
// has either a relapse (high B) or none, the others have no label for it.
struct TaskWard {
  TempFolder folder;
  fs::path store = folder.path() / "store", labels = folder.path() / "labels";

  TaskWard() {
    StoreWriter writer(store, {1 << 26, "law"});
    Random random(3);
    const auto add = [&](int patient, const std::string& code, double when,
                         std::optional<float> number = std::nullopt) {
      Event event;
      event.code = writer.codes().intern(code);
      event.time = day(when), event.number = number;
      writer.add(PatientId(patient), event);
    };
    for (int i = 0; i < 1200; ++i) {
      const double a = random.normal(), b = random.normal();
      add(i, "LAB//A", 90, static_cast<float>(a));
      add(i, "LAB//B", 95, static_cast<float>(b));
      add(i, "INDEX", 100);
      if (a + 0.5 * random.normal() > 0.5) add(i, "EVENT", 101);
      add(i, "LATER", 105, static_cast<float>(100 + 10 * (a + b) + random.normal()));
      if (i % 2) add(i, "FOLLOWED", 99);
      if (b + 0.5 * random.normal() > 0.5) add(i, "RELAPSE", 110);
    }
    writer.commit();
    const std::string head =
        "predicates: {index: {code: INDEX}, event: {code: EVENT}, relapse: {code: RELAPSE}, "
        "later: {code: LATER}, followed: {code: FOLLOWED}}\ntrigger: index\nwindows:\n"
        "  target: {start: trigger, end: start + 30 days, start_inclusive: False, "
        "end_inclusive: True, index_timestamp: start";
    const auto task = [&](const std::string& name, const std::string& rest) {
      write_file(folder.path() / (name + ".yaml"), head + rest);
      return folder.path() / (name + ".yaml");
    };
    const std::string before =
        "\n  before: {start: null, end: trigger, start_inclusive: True, end_inclusive: True, "
        "has: {followed: \"(1, None)\"}}\n";
    const std::string value =
        "}\noutcome: {kind: value, window: target, predicate: later, take: last}\n";
    // Causes compete, and only those who are followed have a label.
    const std::string times =
        "}" + before.substr(0, before.size() - 1) +
        "\noutcome: {kind: survival, window: target, causes: [relapse, event]}\n";
    label_data({{task("event", ", label: event}\n"), task("relapse", ", label: relapse}" + before),
                 task("later", value), task("time", times)},
                std::nullopt,
                store,
                labels,
                2});
  }

  TrainRequest request(const std::string& model, const std::string& also = "relapse, later") const {
    write_file(folder.path() / "way.yaml",
               "name: several\nencoder: {windows: [all], aggregates: [last], exclude: [INDEX]}\n"
               "also: [" +
                   also + "]\nhorizon: 10d\nbaselines: [prevalence, linear]\nmodel: " + model +
                   "\nsplit: {held_out: 0.3, tuning: 0.2}\n");
    TrainRequest request;
    request.recipe = folder.path() / "way.yaml", request.store = store, request.labels = labels;
    request.task = "event", request.out = folder.path() / "models" / "m", request.threads = 2;
    return request;
  }
};

double metric(const FurtherResult& result, const std::string& name) {
  for (const auto& metric : result.metrics)
    if (metric.name == name) return metric.interval.value;
  return -1;
}

class SeveralTasks : public testing::TestWithParam<const char*> {};

TEST_P(SeveralTasks, AreAllAnswered) {
#ifndef CANGONG_HAS_TORCH
  GTEST_SKIP() << "this build has no torch part";
#endif
  const TaskWard ward;
  const TrainRequest train = ward.request(GetParam());
  train_model(train);
  EvaluateRequest request;
  request.bundle = train.out, request.store = ward.store, request.labels = ward.labels;
  request.task = "event", request.replicates = 20;
  const StudyReport report = evaluate_model(request);
  ASSERT_EQ(report.also.size(), 2u);
  EXPECT_EQ(report.also[0].task, "relapse");
  EXPECT_LT(report.also[0].examples, report.examples);  // those who are followed
  EXPECT_GT(metric(report.also[0], "auroc"), 0.85);
  EXPECT_EQ(report.also[1].examples, report.examples);
  EXPECT_GT(metric(report.also[1], "r2"), 0.85);
  const Pipeline pipeline = read_pipeline(Bundle::open(train.out));
  const Store store = Store::open(ward.store);
  PredictReply reply;
  reply.as_of = day(100);
  reply.reply =
      answer_patient(pipeline, meaning_in(store), store.patient(PatientId(1)).until(day(100)), {});
  const auto json = nlohmann::json::parse(prediction_json(reply));
  const double chance = json["also"]["relapse"]["value"], later = json["also"]["later"]["value"];
  EXPECT_TRUE(chance > 0 && chance < 1);
  EXPECT_TRUE(later > 50 && later < 150);
}

INSTANTIATE_TEST_SUITE_P(
    BothWeights, SeveralTasks,
    testing::Values("{kind: mlp, hidden: [16], epochs: 60, learning_rate: 0.01}",
                    "{kind: mlp, hidden: [16], epochs: 60, learning_rate: 0.01, task_weights: "
                    "learned}"));

// A task that counts for next to nothing is hardly learnt; the other is learnt as if alone.
TEST(SeveralTasks, WeightsOfOnesOwn) {
#ifndef CANGONG_HAS_TORCH
  GTEST_SKIP() << "this build has no torch part";
#endif
  const TaskWard ward;
  const auto r2_of_later = [&](const std::string& weights) {
    const TrainRequest train = ward.request(
        "{kind: mlp, hidden: [8], epochs: 15, learning_rate: 0.01, task_weights: " + weights + "}");
    train_model(train);
    EvaluateRequest request;
    request.bundle = train.out, request.store = ward.store, request.labels = ward.labels;
    request.task = "event", request.replicates = 20;
    return metric(evaluate_model(request).also[1], "r2");
  };
  EXPECT_GT(r2_of_later("[1, 1, 10]"), r2_of_later("[1, 1, 0.0001]") + 0.2);
  EXPECT_THROW(r2_of_later("[1, 1]"), Error);
  EXPECT_THROW(r2_of_later("[1, -1, 1]"), Error);
  EXPECT_THROW(r2_of_later("[1, much, 1]"), Error);
}

TEST(SeveralTasks, CompetingCausesWithMissingLabels) {
#ifndef CANGONG_HAS_TORCH
  GTEST_SKIP() << "this build has no torch part";
#endif
  const TaskWard ward;
  const TrainRequest train = ward.request("{kind: mlp, hidden: [8], epochs: 10}", "time");
  train_model(train);
  EvaluateRequest request;
  request.bundle = train.out, request.store = ward.store, request.labels = ward.labels;
  request.task = "event", request.replicates = 20;
  const StudyReport report = evaluate_model(request);
  ASSERT_EQ(report.also.size(), 1u);
  EXPECT_TRUE(std::isfinite(metric(report.also[0], "ibs")));
  fs::remove_all(ward.labels / "time");  // another hospital has no such labels
  EXPECT_TRUE(evaluate_model(request).also.empty());
}

TEST(SeveralTasks, BaselinesAndRefitsLearnOneTask) {
#ifndef CANGONG_HAS_TORCH
  GTEST_SKIP() << "this build has no torch part";
#endif
  const TaskWard ward;
  const TrainRequest train = ward.request("{kind: mlp, hidden: [8], epochs: 5}");
  const std::string way = read_file(train.recipe);
  const std::string baselines = "baselines: [prevalence, linear]";
  write_file(train.recipe, std::string(way).replace(way.find(baselines), baselines.size(),
                                                    "baselines: [gru]\n"
                                                    "stability: {refits: 2, shares: [0.5]}") +
                               "\n");
  EXPECT_THROW(train_model(train), Error);  // a gru is no baseline
  write_file(train.recipe, std::string(way).replace(way.find(baselines), baselines.size(),
                                                    "baselines: [linear]\n"
                                                    "stability: {refits: 2, shares: [0.5]}"));
  train_model(train);
  const Pipeline pipeline = read_pipeline(Bundle::open(train.out));
  ASSERT_TRUE(pipeline.stability.has_value());
  EXPECT_EQ(pipeline.stability->refits, 2u);
  EXPECT_EQ(pipeline.stability->judged_on, "held_out");
}

TEST(SeveralTasks, TheSameTaskTwiceIsRefused) {
  const TaskWard ward;
  for (const char* also : {"event", "later, later"})
    EXPECT_THROW(train_model(ward.request("{kind: mlp}", also)), Error);
}

TEST(SeveralTasks, OtherLearnersSayThatTheyCannot) {
  const TaskWard ward;
  try {
    train_model(ward.request("{kind: linear}"));
    FAIL() << "trained";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("learns one task"), std::string::npos);
  }
}

}  // namespace
}  // namespace cangong
