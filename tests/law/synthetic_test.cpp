// Where the truth is known: models trained on the synthetic hospital must find it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/engine.h"

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

TEST_F(SyntheticStudy, NothingLeaksAndTheReportSaysWhoItIsAbout) {
  const Json leakage =
      Json::parse(read_file(folder_->path() / "study" / "models" / "model" / "leakage.json"));
  EXPECT_TRUE(leakage.at("findings").empty()) << leakage.dump();
  EXPECT_NE(report_->dump().find("SYNTHETIC"), std::string::npos);
}

}  // namespace
}  // namespace cangong
