#include "report/paragraph.h"

#include <gtest/gtest.h>

namespace cangong {
namespace {

Reason reason(const std::string& code, const std::string& description, double contribution) {
  Reason r;
  r.code = code;
  r.description = description;
  r.contribution = contribution;
  return r;
}

Prediction prediction() {
  Prediction p;
  p.value = 0.074, p.low = 0.05, p.high = 0.112;
  p.unit = "probability";
  Reason age = reason("AGE", "", 0.9);
  age.value = 77.59f;
  Reason lab = reason("LOINC//2160-0", "creatinine", 0.4);
  lab.value = 1.9f, lab.aggregate = "last", lab.window = "all", lab.unit = "mg/dL";
  Reason missing = reason("LOINC//4548-4", "HbA1c", 0.1);
  missing.aggregate = "last", missing.window = "all";
  Reason female = reason("GENDER//female", "administrative gender", -0.3);
  female.value = 1.0f;
  Reason male = reason("GENDER//male", "administrative gender", -0.3);
  male.value = 0.0f;
  Reason count = reason("ICD10CM//I10", "hypertension", -0.1);
  count.value = 1.0f, count.aggregate = "count", count.window = "365d";
  p.reasons = {age, lab, female, male, missing, count};
  return p;
}

TEST(Paragraph, TellsTheClinicianTheAnswerAndWhatSpeaksForAndAgainst) {
  const Words words = clinician_paragraph(prediction(), {"a first heart attack", 1826});
  EXPECT_EQ(
      words.english,
      "For \"a first heart attack\" the estimated risk within 5 years is 7.4 % (95 % interval "
      "5.0 % to 11 %). It is raised most by age 77, creatinine (1.9 mg/dL), HbA1c not "
      "recorded. It is lowered most by sex female, hypertension recorded 1 time. These are "
      "associations that the model uses, not causes; check the events behind them before "
      "acting.");
  EXPECT_EQ(words.chinese,
            "就“a first heart attack”而言，5 年内的估计风险为 7.4 %（95% 区间 5.0 % 至 11 %）。"
            "使其升高的主要因素：年龄 77 岁、creatinine（1.9 mg/dL）、HbA1c无记录。"
            "使其降低的主要因素：性别：女、hypertension记录 1 次。"
            "以上是模型所用的关联，并非因果；采取行动前请核对其背后的记录。");
}

TEST(Paragraph, TellsThePatientHowManyOfAHundred) {
  const Words words = patient_paragraph(prediction(), {"a first heart attack", 90});
  EXPECT_NE(words.english.find("Of 100 people whose records look like yours, about 7 would be "
                               "expected to have this within 90 days"),
            std::string::npos)
      << words.english;
  EXPECT_NE(words.chinese.find("90 天内预计约有 7 人"), std::string::npos) << words.chinese;
}

TEST(Paragraph, ValuesAndClassesAreNoChances) {
  Prediction value = prediction();
  value.unit = "value", value.value = 130.25, value.low = 100, value.high = 160;
  EXPECT_NE(clinician_paragraph(value, {"pressure", 0}).english.find("estimated value is 130.25"),
            std::string::npos);
  Prediction classes = prediction();
  classes.classes = {{"home", 0.2}, {"ward", 0.8}};
  EXPECT_NE(
      patient_paragraph(classes, {"where to", 0}).english.find("\"ward\" is likeliest (80 %)"),
      std::string::npos);
}

}  // namespace
}  // namespace cangong
