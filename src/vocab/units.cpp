#include "vocab/units.h"

#include <array>
#include <limits>
#include <unordered_map>

#include "base/text.h"

namespace cangong {
namespace {

constexpr std::string_view kGreekMu = "\u03bc", kMicroSign = "\u00b5";
constexpr double kAny = std::numeric_limits<double>::infinity();

struct Unit {
  std::string_view canonical;
  double low, high;            // possible values
  std::string_view spellings;  // separated by '|'
};

constexpr std::array kUnits{
    Unit{"%", 0, 1000, "percent|pct"},
    Unit{"mm[Hg]", -50, 500, "mmHg|mm Hg|mm hg|MMHG|mm_Hg"},
    Unit{"/min", 0, 700, "bpm|beats/min|{beats}/min|insp/min|breaths/min|BPM|per min|1/min"},
    Unit{"Cel", 5, 50, "C|°C|degC|deg C|celsius|Deg. C|degrees C"},
    Unit{"[degF]", 40, 122, "F|°F|degF|deg F|fahrenheit|Deg. F"},
    Unit{"kg", 0.1, 800, "Kg|KG|kilograms"},
    Unit{"g", 0, kAny, "gram|grams|GM|gm"},
    Unit{"[lb_av]", 0.2, 1800, "lb|lbs|Lbs|pounds"},
    Unit{"cm", 0, 300, "centimeter|CM"},
    Unit{"m", 0, 3, "meter"},
    Unit{"[in_i]", 0, 120, "in|inch|inches|Inches"},
    Unit{"kg/m2", 3, 250, "kg/m^2|kg/m²|Kg/m2"},
    Unit{"mg/dL", -1, 50000, "mg/dl|MG/DL|mg/100mL"},
    Unit{"g/dL", -1, 100, "g/dl|gm/dL|G/DL|gm/dl"},
    Unit{"g/L", 0, 1000, "g/l"},
    Unit{"ug/dL", 0, 1e6, "mcg/dL|µg/dL|µg/dl|ug/dl|mcg/dl"},
    Unit{"ug/L", 0, 1e7, "mcg/L|µg/L|ug/l|mcg/l|µg/l"},
    Unit{"ug/mL", 0, 1e6, "mcg/mL|µg/mL|µg/ml|ug/ml|mcg/ml"},
    Unit{"ng/mL", 0, 1e7, "ng/ml|NG/ML"},
    Unit{"ng/dL", 0, 1e7, "ng/dl"},
    Unit{"pg/mL", 0, 1e8, "pg/ml|PG/ML"},
    Unit{"pg", 0, 500, "picogram"},
    Unit{"fL", 0, 500, "fl|FL|um3"},
    Unit{"mmol/L", -60, 5000, "mmol/l|MMOL/L|mM|mMol/L"},
    Unit{"umol/L", 0, 1e6, "umol/l|µmol/L|µmol/l|micromol/L"},
    Unit{"nmol/L", 0, 1e7, "nmol/l"},
    Unit{"pmol/L", 0, 1e8, "pmol/l"},
    Unit{"meq/L", -60, 5000, "mEq/L|mEq/l|MEQ/L|meq/l"},
    Unit{"[IU]/L", 0, 1e7, "IU/L|iu/l"},
    Unit{"U/L", 0, 1e7, "u/l|U/l|units/L"},
    Unit{"[IU]/mL", 0, 1e7, "IU/mL|IU/ml"},
    Unit{"m[IU]/L", 0, 1e6, "mIU/L|mIU/l"},
    Unit{"m[IU]/mL", 0, 1e6, "mIU/mL"},
    Unit{"u[IU]/mL", 0, 1e6, "uIU/mL|µIU/mL|uU/mL"},
    Unit{"10*3/uL", 0, 1e5, "K/uL|10^3/uL|x10E3/uL|10*3/µL|K/mcL|10^3/µL|thou/uL|1000/uL"},
    Unit{"10*6/uL", 0, 100, "m/uL|10^6/uL|x10E6/uL|M/uL|10*6/µL"},
    Unit{"10*9/L", 0, 1e5, "10^9/L|x10^9/L|x10E9/L|10E9/L|10e9/L|G/L"},
    Unit{"10*12/L", 0, 100, "10^12/L|x10^12/L|x10E12/L|10E12/L|10e12/L|T/L"},
    Unit{"/uL", 0, 1e8, "#/uL|cells/uL|per uL"},
    Unit{"/[HPF]", 0, 1e6, "#/hpf|/hpf|/HPF"},
    Unit{"mL/min", 0, 1000, "ml/min"},
    Unit{"mL/min/{1.73_m2}", 0, 500, "mL/min/1.73m2|mL/min/1.73 m2|mL/min/1.73m^2|ml/min/1.73m2"},
    Unit{"mL", -kAny, kAny, "ml|ML|cc"},
    Unit{"L", -100, 100, "l|liter|litre"},
    Unit{"L/min", 0, 300, "l/min|lpm|LPM"},
    Unit{"mL/h", 0, kAny, "mL/hr|ml/hr|ml/h|cc/hr"},
    Unit{"mm/h", 0, 300, "mm/hr|mm/hour"},
    Unit{"s", -kAny, kAny, "sec|secs|second|seconds"},
    Unit{"min", -kAny, kAny, "minute|minutes|mins"},
    Unit{"h", -kAny, kAny, "hr|hrs|hour|hours"},
    Unit{"d", -kAny, kAny, "day|days"},
    Unit{"wk", -kAny, kAny, "week|weeks"},
    Unit{"mo", -kAny, kAny, "month|months"},
    Unit{"a", 0, 150, "year|years|yr|yrs|y"},
    Unit{"ms", 0, 10000, "msec|milliseconds"},
    Unit{"mg", 0, kAny, "MG|milligram"},
    Unit{"ug", 0, kAny, "mcg|µg|microgram"},
    Unit{"ug/kg/min", 0, kAny, "mcg/kg/min|µg/kg/min"},
    Unit{"mg/mmol", 0, 1e5, "mg/mmol creat"},
    Unit{"mg/g", 0, 1e6, "mg/g{creat}|mg/g creat"},
    Unit{"mosm/kg", 0, 2000, "mOsm/kg|mosmol/kg"},
    Unit{"cm[H2O]", -100, 300, "cmH2O|cm H2O"},
    Unit{"{score}", 0, 1000, "score|points"},
    Unit{"{INR}", 0, 100, "INR|{inr}"},
    Unit{"[pH]", 0, 14, "pH|units pH"},
    Unit{"1", -kAny, kAny, "ratio|{ratio}|no unit"},
    Unit{"{#}", 0, kAny, "#|count|{count}"},
    Unit{"/a", -kAny, kAny, "per year|1/year"},
    Unit{"/h", 0, kAny, "/hr|per hour"},
    Unit{"USD", -kAny, kAny, "$|US$"},
    Unit{"CNY", -kAny, kAny, "RMB|¥"},
    Unit{"EUR", -kAny, kAny, "€"},
};

const std::unordered_map<std::string_view, const Unit*>& by_spelling() {
  static const auto table = [] {
    std::unordered_map<std::string_view, const Unit*> map;
    for (const Unit& unit : kUnits) {
      map.emplace(unit.canonical, &unit);
      for (const auto spelling : split(unit.spellings, '|')) map.emplace(spelling, &unit);
    }
    return map;
  }();
  return table;
}

}  // namespace

std::string_view canonical_unit(std::string_view written) {
  written = trim(written);
  auto found = by_spelling().find(written);
  if (found == by_spelling().end())  // the Greek letter for the micro sign
    if (const std::size_t mu = written.find(kGreekMu); mu != std::string_view::npos)
      found = by_spelling().find(std::string(written.substr(0, mu)) + std::string(kMicroSign) +
                                 std::string(written.substr(mu + kGreekMu.size())));
  return found == by_spelling().end() ? written : found->second->canonical;
}

bool is_known_unit(std::string_view canonical) {
  const auto found = by_spelling().find(canonical);
  return found != by_spelling().end() && found->second->canonical == canonical;
}

std::optional<Range> possible_range(std::string_view canonical) {
  const auto found = by_spelling().find(canonical);
  if (found == by_spelling().end()) return std::nullopt;
  return Range{found->second->low, found->second->high};
}

}  // namespace cangong
