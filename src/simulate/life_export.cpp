#include "simulate/life_export.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/random.h"
#include "base/text.h"

namespace cangong::simulate {
namespace {

constexpr double kFirstRecords = 2005;  // visits and measurements are kept since

struct Measure {
  std::string_view code, meaning, unit, southern_unit;
  double usual, age, weight, spread, southern_factor;
  std::string_view raised_by, lowered_by;  // a condition, a drug
  double raise, lower;
  int digits;
};
// clang-format off
constexpr std::array kMeasures{
    Measure{"LOINC//4548-4", "haemoglobin A1c", "%", "%", 5.4, .006, .12, .25, 1,
            "ICD10CM//E11", "ATC//A10BA02", 1.7, .8, 1},
    Measure{"LOINC//8480-6", "systolic blood pressure", "mm[Hg]", "mm[Hg]", 118, .25, 4, 9, 1,
            "ICD10CM//I10", "ATC//C09AA02", 20, 10, 0},
    Measure{"LOINC//13457-7", "LDL cholesterol", "mg/dL", "mmol/L", 112, .15, 7, 22, .02586,
            "ICD10CM//E78", "ATC//C10AA05", 28, 48, 2},
    Measure{"LOINC//98979-8", "estimated filtration rate", "mL/min", "mL/min", 112, -.6, -1, 8, 1,
            "ICD10CM//N18", "", -30, 0, 0},
};
// clang-format on
constexpr std::array<std::string_view, 9> kBirthFacts{
    "GENDER//female", "GENDER//male", "SITE//north",        "SITE//south",  "SMOKER//no",
    "SMOKER//yes",    "WEIGHT//lean", "WEIGHT//overweight", "WEIGHT//obese"};

Time moment(const Life& life, double years) {
  const auto exact =
      life.birth.day + Duration(static_cast<std::int64_t>(years * kYearInMicroseconds));
  return Time(std::chrono::floor<std::chrono::seconds>(exact));
}

// Whether it is there, or taken, by an age.
bool is_there(const Life& life, std::string_view code, double years) {
  return !code.empty() &&
         std::any_of(life.happenings.begin(), life.happenings.end(), [&](const Happening& one) {
           if (one.years > years || one.kind == Happening::Kind::trial) return false;
           return (one.kind == Happening::Kind::drug ? drugs()[one.which].code
                                                     : conditions()[one.which].code) == code;
         });
}

double measured(const Measure& m, const Life& life, double years, Random& random) {
  constexpr double kMiddle = 50;
  double value = m.usual + m.age * (years - kMiddle) + m.weight * life.birth.weight;
  if (is_there(life, m.raised_by, years)) value += m.raise;
  if (is_there(life, m.lowered_by, years)) value -= m.lower;
  value = std::max(value + m.spread * random.normal(), 0.1 * m.usual);
  if (life.birth.site == Site::south) value *= m.southern_factor;
  const double scale = std::pow(10.0, m.digits);
  return std::round(value * scale) / scale;
}

}  // namespace

std::vector<Visit> make_visits(const Life& life, std::uint64_t seed) {
  Random random((seed * 0x9e3779b97f4a7c15) ^
                (static_cast<std::uint64_t>(life.birth.number) * 0xd1b54a32d192ed03) ^ 0x5eed);
  const double born =
      1970 + static_cast<double>(life.birth.day.time_since_epoch().count()) / kYearInMicroseconds;
  std::vector<Visit> visits;
  double years = std::max(kAdult, kFirstRecords - born);
  std::size_t ill = 0;  // of the happenings
  for (;;) {
    while (ill < life.happenings.size() && life.happenings[ill].years <= years) ++ill;
    constexpr double kBase = 0.3, kOfEach = 0.06, kSouth = 0.7;
    const double rate = (kBase + kOfEach * static_cast<double>(std::min<std::size_t>(ill, 15))) *
                        (life.birth.site == Site::south ? kSouth : 1);
    years -= std::log1p(-random.uniform()) / rate;
    if (years >= life.followed) return visits;
    Visit visit{years, {}};
    for (std::size_t m = 0; m < kMeasures.size(); ++m)
      if (random.uniform() < 0.6)
        visit.readings.push_back({m, years, measured(kMeasures[m], life, years, random)});
    visits.push_back(std::move(visit));
  }
}

LifeExport::LifeExport(StoreWriter& writer)
    : writer_(writer),
      birth_(writer.codes().intern("MEDS_BIRTH")),
      visit_(writer.codes().intern("ENCOUNTER_START//AMB")),
      note_(writer.codes().intern("NOTE//DIAGNOSIS")) {
  const auto both = [](std::string_view english, std::string_view chinese) {
    return std::string(english) + " · " + std::string(chinese);
  };
  const auto add = [&](std::string_view code, const std::string& meaning) {
    const CodeId id = writer.codes().intern(std::string(code));
    writer.describe(id, meaning);
    return id;
  };
  for (const Condition& one : conditions())
    conditions_.push_back(add(one.code, both(one.english, one.chinese)));
  for (const Drug& one : drugs()) {
    drugs_.push_back(add(one.code, both(one.english, one.chinese)));
    trials_.push_back(
        add(one.trial, "enrolled in a randomised trial of " + std::string(one.english)));
  }
  for (const Measure& one : kMeasures) measures_.push_back(add(one.code, std::string(one.meaning)));
  for (const std::string_view fact : kBirthFacts)
    birth_facts_.push_back(add(fact, std::string(fact)));
}

void LifeExport::add_row(const Life& life, std::optional<double> years, CodeId code) {
  Event event;
  if (years) event.time = moment(life, *years);
  event.code = code;
  writer_.add(PatientId(life.birth.number), event);
}

void LifeExport::add(const Life& life, const std::vector<Visit>& visits) {
  const Birth& birth = life.birth;
  const bool south = birth.site == Site::south;
  for (const std::size_t fact :
       {std::size_t{0} + birth.male, std::size_t{2} + south, std::size_t{4} + birth.smoker,
        std::size_t{6} + static_cast<std::size_t>(birth.weight)})
    add_row(life, std::nullopt, birth_facts_[fact]);
  add_row(life, 0.0, birth_);
  for (const Happening& one : life.happenings) {
    const auto& codes = one.kind == Happening::Kind::condition ? conditions_
                        : one.kind == Happening::Kind::drug    ? drugs_
                                                               : trials_;
    add_row(life, one.years, codes[one.which]);
    if (one.kind != Happening::Kind::condition || conditions()[one.which].code == kDeathCode)
      continue;
    const Condition& condition = conditions()[one.which];
    const std::string text = south
                                 ? "诊断：" + std::string(condition.chinese) + "。随访。"
                                 : "Diagnosis: " + std::string(condition.english) + ". Follow up.";
    Event note;
    note.time = moment(life, one.years), note.code = note_, note.text = text;
    writer_.add(PatientId(birth.number), note);
  }
  for (const Visit& visit : visits) {
    add_row(life, visit.years, visit_);
    for (const Reading& reading : visit.readings) {
      const Measure& measure = kMeasures[reading.measure];
      Event event;
      event.time = moment(life, reading.years), event.code = measures_[reading.measure];
      event.number = static_cast<float>(reading.value);
      event.unit = south ? measure.southern_unit : measure.unit;
      writer_.add(PatientId(birth.number), event);
    }
  }
}

namespace {

std::map<std::string, std::string> about_truth(Time when, double years) {
  std::string codes;
  for (const Condition& one : conditions())
    codes += (codes.empty() ? "" : "\n") + std::string(one.code);
  return {{"codes", codes}, {"as_of", format_time(when)}, {"years", format_number(years)}};
}

}  // namespace

RiskExport::RiskExport(const fs::path& folder, Time when, double years)
    : when_(when),
      hazards_(folder / "hazards.parquet", {"hazard", conditions().size()},
               about_truth(when, years)),
      risks_(folder / "risks.parquet", {"risk", conditions().size()}, about_truth(when, years)) {}

double RiskExport::age_of(const Life& life) const {
  return static_cast<double>((when_ - life.birth.day).count()) / kYearInMicroseconds;
}

void RiskExport::add(const Life& life, const TrueRisks& truth) {
  const auto floats = [](const std::vector<double>& values) {
    return std::vector<float>(values.begin(), values.end());
  };
  hazards_.add(PatientId(life.birth.number), when_, floats(truth.hazard));
  risks_.add(PatientId(life.birth.number), when_, floats(truth.risk));
}

void RiskExport::finish() {
  hazards_.finish(), risks_.finish();
}

}  // namespace cangong::simulate
