// Where the truth is known: models trained on the synthetic hospital must find it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/answer_patient.h"
#include "engine/engine.h"
#include "evaluate/competing.h"
#include "evaluate/survival.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

class SyntheticStudy : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempFolder();
    StudyRequest request;
    request.study = fs::path(CANGONG_SOURCE_DIR) / "studies" / "synthetic-heart" / "study.yaml";
    request.out = folder_->path() / "study";
    request.threads = 2;
    run_study(request);
    report_ = new Json(Json::parse(read_file(request.out / "report" / "report.json")));
  }
  static void TearDownTestSuite() {
    delete report_;
    delete folder_;
  }
  static double metric(const char* name, const char* part) {
    return report_->at("metrics").at(name).at(part);
  }
  static TempFolder* folder_;
  static Json* report_;
};
TempFolder* SyntheticStudy::folder_ = nullptr;
Json* SyntheticStudy::report_ = nullptr;

TEST_F(SyntheticStudy, RisksAreCalibrated) {
  EXPECT_LT(metric("observed_to_expected", "low"), 1);
  EXPECT_GT(metric("observed_to_expected", "high"), 1);
}

TEST_F(SyntheticStudy, TheRiskFactorsAreFound) {
  EXPECT_GT(metric("c_index", "low"), 0.6);
  // Age stands in the law of every state; so do no white cells.
  EXPECT_EQ(report_->at("importance").at(0).at("feature").get<std::string>().substr(0, 3), "AGE");
}

// "Free of it until day L" is wrong for at most a tenth of the held-out patients, events weighted
// by the chance that they would have been seen.
TEST_F(SyntheticStudy, BoundsOfTimesHoldForPatientsToCome) {
  const fs::path study = folder_->path() / "study";
  const Pipeline pipeline = read_pipeline(Bundle::open(study / "models" / "model"));
  const Store store = Store::open(study / "store");
  const NamedLabels labels = find_labels(study / "labels", "");
  const Examples examples = examples_of(labels.rows, causes_of(pipeline.recipe));
  std::vector<std::size_t> answered;
  std::vector<double> until;
  for (std::size_t i = 0; i < examples.rows.size(); ++i) {
    const LabelRow& row = examples.rows[i];
    if (pipeline.splits.at(row.patient) != kHeldOut) continue;
    const Timeline timeline = store.patient(row.patient, Columns::unit);
    const Reply reply = answer_patient(pipeline, meaning_in(store), timeline.until(row.when), {});
    const auto* prediction = std::get_if<Prediction>(&reply);
    if (!prediction) continue;
    answered.push_back(i);
    until.push_back(prediction->free_until);
  }
  Targets truth = examples.targets.take(answered);
  draw_left(truth, 1);  // who dies of something else stays free of the event
  const auto& days = truth.values;
  const auto& events = truth.events;
  ASSERT_GT(days.size(), 1000u);
  const std::vector<double> ones(days.size(), 1.0);
  const KaplanMeier censoring(days, events, ones, KaplanMeier::Kind::censoring);
  double missed = 0;
  for (std::size_t i = 0; i < days.size(); ++i) {
    EXPECT_GT(until[i], 0);
    if (events[i] > 0.5 && days[i] < until[i]) missed += 1 / censoring.before(days[i]);
  }
  EXPECT_LT(missed / static_cast<double>(days.size()), 0.115);
}

TEST_F(SyntheticStudy, NothingLeaksAndTheReportSaysWhoItIsAbout) {
  const Json leakage =
      Json::parse(read_file(folder_->path() / "study" / "models" / "model" / "leakage.json"));
  EXPECT_TRUE(leakage.at("findings").empty()) << leakage.dump();
  EXPECT_NE(report_->dump().find("SYNTHETIC"), std::string::npos);
}

}  // namespace
}  // namespace cangong
