#include "simulate/world.h"

#include <nlohmann/json.hpp>

namespace cangong::simulate {
namespace {

// clang-format off
constexpr Condition kConditions[] = {
    // code, english, chinese, base, age, male, smoker, weight, year, south, recurs
    {"ICD10CM//I10", "hypertension", "高血压", .030, .035, .15, .15, .35, .004, .10},
    {"ICD10CM//E11", "type 2 diabetes", "2型糖尿病", .009, .030, .20, .15, .60, .012, .15},
    {"ICD10CM//E78", "hyperlipidaemia", "高脂血症", .022, .025, .10, .10, .25, .010, .00},
    {"ICD10CM//E66", "obesity", "肥胖症", .010, .005, -.10, .00, 1.00, .015, -.10},
    {"ICD10CM//I20", "angina pectoris", "心绞痛", .006, .050, .40, .40, .15, -.008, .00},
    {"ICD10CM//I21", "myocardial infarction", "心肌梗死", .004, .050, .65, .60, .10, -.010, .10, true},
    {"ICD10CM//I48", "atrial fibrillation", "心房颤动", .005, .075, .35, .10, .20, .006, .00},
    {"ICD10CM//I50", "heart failure", "心力衰竭", .003, .080, .25, .20, .25, .000, .05},
    {"ICD10CM//I63", "ischaemic stroke", "缺血性脑卒中", .0035, .065, .30, .40, .05, -.010, .25, true},
    {"ICD10CM//I61", "cerebral bleeding", "脑出血", .0008, .060, .25, .30, .00, -.005, .45},
    {"ICD10CM//I73", "peripheral artery disease", "外周动脉疾病", .003, .055, .45, .90, .10, .000, .00},
    {"ICD10CM//N18", "chronic kidney disease", "慢性肾脏病", .005, .060, .10, .15, .15, .008, .10},
    {"ICD10CM//N17", "acute kidney injury", "急性肾损伤", .002, .060, .20, .10, .05, .015, .00, true},
    {"ICD10CM//J44", "chronic bronchitis", "慢性阻塞性肺疾病", .004, .050, .20, 1.60, -.05, -.004, .20},
    {"ICD10CM//J45", "asthma", "哮喘", .005, -.010, -.25, .20, .15, .008, -.05},
    {"ICD10CM//J18", "pneumonia", "肺炎", .007, .055, .20, .35, .00, .002, .10, true},
    {"ICD10CM//J30", "allergic rhinitis", "变应性鼻炎", .010, -.020, -.05, -.10, .00, .010, .00},
    {"ICD10CM//C34", "lung cancer", "肺癌", .0011, .060, .20, 2.20, -.05, .000, .20},
    {"ICD10CM//C18", "colon cancer", "结肠癌", .0012, .055, .25, .20, .15, .002, -.10},
    {"ICD10CM//C50", "breast cancer", "乳腺癌", .0035, .020, -5.0, .10, .12, .008, -.15},
    {"ICD10CM//C61", "prostate cancer", "前列腺癌", .0001, .070, 3.70, .00, .00, .010, -.30},
    {"ICD10CM//C16", "stomach cancer", "胃癌", .0007, .055, .60, .40, .00, -.015, .60},
    {"ICD10CM//C22", "liver cancer", "肝癌", .0004, .045, .80, .30, .20, .002, .50},
    {"ICD10CM//K21", "reflux disease", "胃食管反流", .012, .015, .00, .20, .30, .010, -.10},
    {"ICD10CM//K29", "gastritis", "胃炎", .010, .010, .00, .20, .00, -.005, .30, true},
    {"ICD10CM//K74", "cirrhosis of the liver", "肝硬化", .0010, .030, .60, .30, .20, .004, .35},
    {"ICD10CM//K76", "fatty liver disease", "脂肪肝", .008, .010, .20, .00, .70, .015, .05},
    {"ICD10CM//K80", "gallstones", "胆石症", .006, .020, -.40, .05, .35, .002, .00},
    {"ICD10CM//B18", "chronic viral hepatitis", "慢性病毒性肝炎", .0015, -.005, .35, .05, .00, -.015, .70},
    {"ICD10CM//A15", "pulmonary tuberculosis", "肺结核", .0006, .010, .45, .40, -.20, -.025, .60},
    {"ICD10CM//F32", "depressive episode", "抑郁发作", .010, -.005, -.55, .30, .10, .012, -.10, true},
    {"ICD10CM//F41", "anxiety disorder", "焦虑障碍", .009, -.010, -.60, .25, .05, .014, -.10},
    {"ICD10CM//F03", "dementia", "痴呆", .0012, .110, -.05, .15, .00, .002, .00},
    {"ICD10CM//G20", "Parkinson disease", "帕金森病", .0010, .085, .35, -.30, .00, .002, .00},
    {"ICD10CM//G40", "epilepsy", "癫痫", .0008, .010, .10, .05, .00, .000, .05},
    {"ICD10CM//G43", "migraine", "偏头痛", .006, -.030, -1.00, .05, .05, .002, -.10},
    {"ICD10CM//M17", "knee arthritis", "膝骨关节炎", .012, .040, -.35, -.05, .45, .004, .10},
    {"ICD10CM//M81", "osteoporosis", "骨质疏松", .005, .060, -1.40, .20, -.40, .006, .05},
    {"ICD10CM//S72", "hip fracture", "股骨骨折", .0009, .095, -.50, .20, -.30, -.004, .00, true},
    {"ICD10CM//M10", "gout", "痛风", .003, .025, 1.10, .05, .50, .012, .20},
    {"ICD10CM//M06", "rheumatoid arthritis", "类风湿关节炎", .0012, .020, -.90, .40, .05, .000, .00},
    {"ICD10CM//E03", "hypothyroidism", "甲状腺功能减退", .004, .020, -1.40, -.10, .15, .008, -.10},
    {"ICD10CM//E05", "hyperthyroidism", "甲状腺功能亢进", .0012, .000, -1.30, .30, -.10, .002, .15},
    {"ICD10CM//D50", "iron deficiency anaemia", "缺铁性贫血", .005, .010, -.90, .05, .00, .002, .15},
    {"ICD10CM//H25", "cataract", "白内障", .007, .090, -.15, .25, .05, .008, .05},
    {"ICD10CM//H40", "glaucoma", "青光眼", .0025, .050, .00, .10, .00, .004, .10},
    {"ICD10CM//E11.3", "diabetic retina", "糖尿病视网膜病变", .0004, .010, .05, .15, .05, .000, .10},
    {"ICD10CM//I25", "ischaemic heart disease", "慢性缺血性心脏病", .005, .060, .55, .45, .15, -.004, .00},
    {"ICD10CM//N40", "large prostate", "前列腺增生", .0003, .070, 4.20, .00, .05, .006, .00},
    {"ICD10CM//N39", "urinary infection", "尿路感染", .012, .030, -1.10, .00, .05, .002, .00, true},
    {"MEDS_DEATH", "death", "死亡", .0045, .088, .35, .45, .05, -.010, .05},
};

// Twice the same purpose where two drugs act on the same disease.
constexpr Drug kDrugs[] = {
    {"ATC//C10AA05", "atorvastatin", "阿托伐他汀", "E78", "I25", "TRIAL//LIPID"},
    {"ATC//C09AA02", "enalapril", "依那普利", "I10", "N18", "TRIAL//PRESSURE"},
    {"ATC//A10BA02", "metformin", "二甲双胍", "E11", "E66", "TRIAL//SUGAR"},
    {"ATC//B01AF02", "apixaban", "阿哌沙班", "I48", "I63", "TRIAL//CLOT"},
    {"ATC//M05BA04", "alendronate", "阿仑膦酸", "M81", "S72", "TRIAL//BONE"},
    {"ATC//R03BB04", "tiotropium", "噻托溴铵", "J44", "J18", "TRIAL//LUNG"},
    {"ATC//M04AA01", "allopurinol", "别嘌醇", "M10", "N18", "TRIAL//URATE"},
    {"ATC//N06AB04", "citalopram", "西酞普兰", "F32", "F41", "TRIAL//MOOD"},
};

constexpr Influence kInfluences[] = {
    {"I10", "I21", .45}, {"I10", "I63", .75}, {"I10", "I61", 1.0},
    {"I10", "I50", .55}, {"I10", "N18", .60}, {"I10", "I48", .35},
    {"I10", "I25", .40}, {"I10", "MEDS_DEATH", .15},
    {"E11", "I21", .60}, {"E11", "I63", .50}, {"E11", "N18", .90},
    {"E11", "E11.3", 3.4}, {"E11", "I73", .80}, {"E11", "I50", .50},
    {"E11", "H25", .35}, {"E11", "N39", .35}, {"E11", "MEDS_DEATH", .35},
    {"E78", "I21", .50}, {"E78", "I25", .55}, {"E78", "I20", .50},
    {"E78", "I63", .30}, {"E66", "E11", .70}, {"E66", "K76", .60},
    {"E66", "I10", .35}, {"E66", "M17", .50}, {"K76", "E11", .45},
    {"I20", "I21", 1.0}, {"I20", "I25", 1.2}, {"I25", "I21", .80},
    {"I25", "I50", .80}, {"I21", "I50", 1.3}, {"I21", "I21", .60},
    {"I21", "I25", 1.4}, {"I21", "F32", .40}, {"I21", "MEDS_DEATH", .55},
    {"I48", "I63", 1.1}, {"I48", "I50", .80}, {"I48", "MEDS_DEATH", .25},
    {"I50", "I48", .90}, {"I50", "N17", 1.1}, {"I50", "J18", .50},
    {"I50", "MEDS_DEATH", 1.1}, {"I63", "I63", .70}, {"I63", "F03", .80},
    {"I63", "G40", 1.2}, {"I63", "F32", .50}, {"I63", "MEDS_DEATH", .60},
    {"I61", "MEDS_DEATH", 1.3}, {"I61", "G40", 1.4}, {"I73", "I21", .50},
    {"I73", "MEDS_DEATH", .40}, {"N18", "N17", 1.2}, {"N18", "M10", .60},
    {"N18", "D50", .70}, {"N18", "MEDS_DEATH", .55}, {"N17", "N18", 1.0},
    {"N17", "MEDS_DEATH", .50}, {"J44", "J18", 1.1}, {"J44", "C34", .60},
    {"J44", "I50", .40}, {"J44", "MEDS_DEATH", .65}, {"J45", "J44", .70},
    {"J30", "J45", 1.1}, {"J18", "J18", .50}, {"J18", "MEDS_DEATH", .40},
    {"A15", "J44", .60}, {"C34", "MEDS_DEATH", 3.2}, {"C18", "MEDS_DEATH", 1.8},
    {"C18", "D50", 1.0}, {"C50", "MEDS_DEATH", .90}, {"C61", "MEDS_DEATH", .70},
    {"C16", "MEDS_DEATH", 2.6}, {"C22", "MEDS_DEATH", 3.3}, {"K29", "C16", .80},
    {"K29", "D50", .40}, {"K74", "C22", 2.6}, {"K74", "MEDS_DEATH", 1.4},
    {"B18", "K74", 2.0}, {"B18", "C22", 1.6}, {"K76", "K74", .90},
    {"F32", "F32", 1.2}, {"F32", "F41", .90}, {"F41", "F32", 1.0},
    {"F32", "F03", .35}, {"F03", "S72", .80}, {"F03", "J18", .60},
    {"F03", "MEDS_DEATH", .95}, {"G20", "F03", 1.1}, {"G20", "S72", .70},
    {"G20", "MEDS_DEATH", .60}, {"M81", "S72", 1.2}, {"S72", "S72", .60},
    {"S72", "MEDS_DEATH", .60}, {"M06", "M81", .60}, {"M06", "I21", .30},
    {"E05", "I48", .80}, {"E05", "E03", 1.4}, {"N40", "N39", .80},
    {"N40", "C61", .40}, {"N39", "N39", .70}, {"E11.3", "N18", .50},
    // What the drugs do.
    {"C10AA05", "I21", -.35}, {"C10AA05", "I63", -.20}, {"C10AA05", "E11", .10},
    {"C09AA02", "I50", -.30}, {"C09AA02", "I63", -.25}, {"C09AA02", "N17", .25},
    {"A10BA02", "I21", -.25}, {"A10BA02", "E11.3", -.30}, {"B01AF02", "I63", -.80},
    {"B01AF02", "I61", .50}, {"B01AF02", "D50", .40}, {"M05BA04", "S72", -.55},
    {"R03BB04", "J18", -.25}, {"M04AA01", "N18", -.15}, {"N06AB04", "F32", -.50},
};
// clang-format on

nlohmann::ordered_json json_of(const Condition& one) {
  return {{"code", one.code},     {"meaning", one.english}, {"events_per_year", one.base},
          {"age", one.age},       {"male", one.male},       {"smoker", one.smoker},
          {"weight", one.weight}, {"year", one.year},       {"south", one.south},
          {"recurs", one.recurs}};
}

}  // namespace

bool is_named(std::string_view code, std::string_view name) {
  const std::size_t at = code.find("//");
  return (at == std::string_view::npos ? code : code.substr(at + 2)) == name;
}

std::span<const Condition> conditions() {
  return kConditions;
}
std::span<const Drug> drugs() {
  return kDrugs;
}
std::span<const Influence> influences() {
  return kInfluences;
}

std::string world_json() {
  nlohmann::ordered_json json{{"synthetic", true}};
  for (const Condition& one : kConditions) json["conditions"].push_back(json_of(one));
  for (const Drug& one : kDrugs)
    json["drugs"].push_back({{"code", one.code},
                             {"meaning", one.english},
                             {"indication", one.indication},
                             {"severe", one.severe},
                             {"trial", one.trial}});
  for (const Influence& one : kInfluences)
    json["log_hazard_ratios"].push_back(
        {{"from", one.from}, {"to", one.to}, {"log_ratio", one.log_ratio}});
  json["given"] = {{"randomised", kCoin}, {"severe", kGivenSevere}, {"other", kGivenOther}};
  return json.dump(1) + "\n";
}

}  // namespace cangong::simulate
