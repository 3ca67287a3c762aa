#include "simulate/person.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace cangong::simulate {
namespace {

using namespace std::chrono;

constexpr std::string_view kLoinc = "http://loinc.org",
                           kRxNorm = "http://www.nlm.nih.gov/research/umls/rxnorm",
                           kIcd = "http://hl7.org/fhir/sid/icd-10-cm";

enum Item : std::size_t {
  kVisit,
  kAdmission,
  kDiabetes,
  kHypertension,
  kInfarction,
  kFailure,
  kKidney,
  kCancer,
  kTobacco,
  kSystolic,
  kDiastolic,
  kPulse,
  kBmi,
  kTemperature,
  kGlucose,
  kHbA1c,
  kLdl,
  kHdl,
  kTriglycerides,
  kCreatinine,
  kUrea,
  kPotassium,
  kSodium,
  kHemoglobin,
  kLeukocytes,
  kPlatelets,
  kAlt,
  kTroponin,
  kNtProBnp,
  kMetformin,
  kInsulin,
  kStatin,
  kInhibitor,
  kAspirin
};

std::vector<Concept> all_concepts() {
  const auto condition = [](std::string_view code, std::string_view display) {
    return Concept{Kind::condition, "ICD10CM", kIcd, code, display, ""};
  };
  const auto measurement = [](std::string_view code, std::string_view display,
                              std::string_view unit) {
    return Concept{Kind::measurement, "LOINC", kLoinc, code, display, unit};
  };
  const auto order = [](std::string_view code, std::string_view display) {
    return Concept{Kind::order, "RXNORM", kRxNorm, code, display, ""};
  };
  return {
      {Kind::visit, "", "", "AMB", "ambulatory", ""},
      {Kind::admission, "", "", "IMP", "inpatient encounter", ""},
      condition("E11.9", "Type 2 diabetes mellitus without complications"),
      condition("I10", "Essential (primary) hypertension"),
      condition("I21.9", "Acute myocardial infarction, unspecified"),
      condition("I50.9", "Heart failure, unspecified"),
      condition("N18.30", "Chronic kidney disease, stage 3 unspecified"),
      condition("C80.1", "Malignant (primary) neoplasm, unspecified"),
      condition("F17.210", "Nicotine dependence, cigarettes, uncomplicated"),
      measurement("8480-6", "Systolic blood pressure", "mm[Hg]"),
      measurement("8462-4", "Diastolic blood pressure", "mm[Hg]"),
      measurement("8867-4", "Heart rate", "/min"),
      measurement("39156-5", "Body mass index", "kg/m2"),
      measurement("8310-5", "Body temperature", "Cel"),
      measurement("2345-7", "Glucose in serum or plasma", "mg/dL"),
      measurement("4548-4", "Hemoglobin A1c", "%"),
      measurement("2089-1", "LDL cholesterol", "mg/dL"),
      measurement("2085-9", "HDL cholesterol", "mg/dL"),
      measurement("2571-8", "Triglyceride", "mg/dL"),
      measurement("2160-0", "Creatinine in serum or plasma", "mg/dL"),
      measurement("3094-0", "Urea nitrogen", "mg/dL"),
      measurement("2823-3", "Potassium", "mmol/L"),
      measurement("2951-2", "Sodium", "mmol/L"),
      measurement("718-7", "Hemoglobin", "g/dL"),
      measurement("6690-2", "Leukocytes", "10*3/uL"),
      measurement("777-3", "Platelets", "10*3/uL"),
      measurement("1742-6", "Alanine aminotransferase", "U/L"),
      measurement("10839-9", "Troponin I cardiac", "ng/mL"),
      measurement("33762-6", "NT-proBNP", "pg/mL"),
      order("6809", "metformin"),
      order("5856", "insulin"),
      order("83367", "atorvastatin"),
      order("29046", "lisinopril"),
      order("1191", "aspirin"),
  };
}

constexpr Item kConditionOf[] = {kDiabetes, kHypertension, kInfarction, kFailure, kKidney, kCancer};

constexpr double kYear = 365.25, kMonth = kYear / 12;  // days

Duration days_of(double days) {
  return Duration(static_cast<std::int64_t>(days * 86400) * 1'000'000);
}

class Living {
 public:
  Living(std::uint64_t seed, std::int64_t number)
      : random_(seed * 0x9e3779b97f4a7c15u ^
                static_cast<std::uint64_t>(number) * 0xd1b54a32d192ed03u) {
    person_.number = number;
  }

  Person live() {
    begin();
    while (now_ < end_ && !person_.death) now_ += month();
    person_.last = person_.death ? *person_.death : at(std::min(now_, end_));
    cut_off();
    std::stable_sort(person_.records.begin(), person_.records.end(),
                     [](const Record& a, const Record& b) { return a.known < b.known; });
    return std::move(person_);
  }

 private:
  // Nothing is written of anyone after the end; a stay ends with it.
  void cut_off() {
    std::erase_if(person_.records, [&](Record& record) {
      const Kind kind = record.concept_of->kind;
      const bool stay = kind == Kind::visit || kind == Kind::admission;
      if (stay) record.known = std::min(record.known, Time(floor<seconds>(person_.last)));
      return record.occurred > person_.last || record.known > person_.last;
    });
  }

  Time at(double day) const { return first_ + days_of(day); }
  bool chance(double share) { return random_.uniform() < share; }
  bool has(State state) const { return entered_[static_cast<std::size_t>(state)]; }
  double& factor(Factor f) { return factors_[static_cast<std::size_t>(f)]; }

  void begin() {
    person_.male = chance(0.5);
    person_.smoker = chance(0.25);
    const double age = 30 + 50 * std::pow(random_.uniform(), 0.8);
    const sys_days opening = sys_days(year(2005) / 1 / 1);
    first_ = opening + days(random_.below(5 * 365)) + hours(8) + minutes(random_.below(540));
    person_.first = first_;
    person_.birth = floor<days>(first_ - days_of(age * kYear));
    const double closing = days_between(first_, sys_days(year(2021) / 1 / 1));
    const double moved_away = -std::log(1 - random_.uniform()) * kYear / 0.02;
    end_ = std::min(closing, moved_away);
    age_ = years_between(person_.birth, first_);
    bmi_ = std::clamp(27 + 4.5 * random_.normal(), 17.0, 50.0);
    pressure_ = 122 + 0.4 * (age - 50) + 11 * random_.normal();
    cholesterol_ = std::clamp(130 + 30 * random_.normal(), 50.0, 260.0);
    factor(Factor::male) = person_.male;
    factor(Factor::smoker) = person_.smoker;
    factor(Factor::genes) = random_.normal();
    diligence_ = 0.7 + 0.6 * random_.uniform();
    sick_at_the_beginning();
  }

  // Some come with a history: as if they had lived the years before at half the speed.
  void sick_at_the_beginning() {
    update(0);
    for (const State s : {State::diabetes, State::hypertension, State::infarction, State::kidney})
      if (chance(1 - std::exp(-5 * hazard(s, factors_)))) enter(s);
    update(0);
  }

  void enter(State s) {
    entered_[static_cast<std::size_t>(s)] = true;
    unwritten_[static_cast<std::size_t>(s)] = true;
    if (s == State::diabetes) sugar_ = 6.7 + 0.8 * random_.uniform();
  }

  void update(double day) {
    factor(Factor::age) = age_ + day / kYear - 60;
    factor(Factor::bmi) = bmi_ - 27;
    factor(Factor::sbp) = systolic() - 130;
    factor(Factor::ldl) = ldl() - 130;
    factor(Factor::diabetes) = has(State::diabetes);
    factor(Factor::hypertension) = has(State::hypertension);
    factor(Factor::infarction) = has(State::infarction);
    factor(Factor::failure) = has(State::failure);
    factor(Factor::kidney) = has(State::kidney);
    factor(Factor::cancer) = has(State::cancer);
    factor(Factor::statin) = statin_;
    factor(Factor::inhibitor) = inhibitor_;
    factor(Factor::metformin) = metformin_;
  }

  // What the body would show, with the known effects of the drugs.
  double systolic() const {
    return pressure_ + (has(State::hypertension) ? 18 : 0) - (inhibitor_ ? 12 : 0);
  }
  double ldl() const { return cholesterol_ * (statin_ ? 0.65 : 1); }
  double a1c() const {
    if (!has(State::diabetes)) return 5.4 + 0.03 * (bmi_ - 27);
    return sugar_ - (metformin_ ? 1.0 : 0) - (insulin_ ? 1.8 : 0);
  }

  // Hazards stand still for a month, or until something happens in it. Returns its days.
  double month() {
    sugar_ += has(State::diabetes) ? 0.012 : 0;
    bmi_ += 0.02 * random_.normal();
    update(now_);
    const double length = std::min(kMonth, end_ - now_);
    open_year();
    TrueYear& truth = person_.years.back();
    std::array<double, kStates> rates{};
    double total = 0;
    for (std::size_t s = 0; s < kStates; ++s) {
      const auto state = static_cast<State>(s);
      const bool again = state == State::infarction || state == State::death;
      if (entered_[s] && !again) continue;
      total += rates[s] = hazard(state, factors_);
    }
    if (truth.hazard[kStates - 1] == 0) truth.hazard = rates;
    const double wait = -std::log(1 - random_.uniform()) / total * kYear;
    const double exposed = std::min(wait, length);
    for (std::size_t s = 0; s < kStates; ++s) truth.cumulative[s] += rates[s] * exposed / kYear;
    visits(now_, exposed);
    if (wait >= length) return length;
    double pick = random_.uniform() * total;
    std::size_t s = 0;
    while (s + 1 < kStates && (pick -= rates[s]) >= 0) ++s;
    ++truth.events[s];
    happen(static_cast<State>(s), now_ + wait);
    return wait;
  }

  void open_year() {
    const auto index = static_cast<std::size_t>(now_ / kYear);
    if (index < person_.years.size()) return;
    person_.years.emplace_back().begin = at(now_);
  }

  void happen(State state, double day) {
    if (state == State::death) {
      person_.death = at(day);
      return;
    }
    enter(state);
    if (state == State::infarction || state == State::failure) stay(day, state);
  }

  void visits(double from, double length) {
    double rate = 0.22 * diligence_;
    for (const State s : {State::diabetes, State::hypertension, State::infarction, State::failure,
                          State::kidney, State::cancer})
      rate += has(s) ? 0.12 : 0;
    if (length > 0 && chance(std::min(rate, 0.9))) visit(from + length * random_.uniform());
  }

  void add(Item item, Time known, Time occurred, std::optional<float> number = {}) {
    person_.records.push_back({&concepts()[item], known, occurred, number});
  }

  // A value as a laboratory gives it: with its error, and as many decimals as usual.
  void measure(Item item, Time taken, double value, double error, double step) {
    const double noisy = value * (1 + error * random_.normal());
    const auto rounded = static_cast<float>(std::max(std::round(noisy / step) * step, step));
    const bool bedside = item <= kTemperature;
    const Time known = bedside ? taken : taken + minutes(90 + random_.below(240));
    add(item, known, taken, rounded);
    if (item == kSystolic) seen_pressure_ = rounded;
    if (item == kLdl) seen_ldl_ = rounded;
    if (item == kHbA1c) seen_a1c_ = rounded;
  }

  void visit(double day) {
    const Time begin = floor<minutes>(at(day)), end = begin + minutes(15 + random_.below(30));
    add(kVisit, end, begin);
    write_conditions(begin);
    vitals(begin);
    if (chance(0.5)) basic_panel(begin);
    if (chance(has(State::diabetes) ? 0.6 : 0.15)) {
      measure(kGlucose, begin, 28.7 * a1c() - 46.7, 0.12, 1);  // Nathan et al. 2008
      measure(kHbA1c, begin, a1c(), 0.02, 0.1);
    }
    if (chance(0.3)) lipids(begin);
    treat(end);
  }

  void vitals(Time when) {
    if (chance(0.9)) {
      const double now = systolic();
      measure(kSystolic, when, now, 0.05, 1);
      measure(kDiastolic, when, 35 + 0.35 * now, 0.06, 1);
    }
    if (chance(0.7)) measure(kPulse, when, has(State::failure) ? 86 : 74, 0.1, 1);
    if (chance(0.4)) measure(kBmi, when, bmi_, 0.01, 0.1);
    if (chance(0.2)) measure(kTemperature, when, 36.8, 0.008, 0.1);
  }

  void basic_panel(Time when) {
    const bool kidney = has(State::kidney), cancer = has(State::cancer);
    measure(kCreatinine, when, (person_.male ? 1.0 : 0.8) * (kidney ? 1.9 : 1), 0.1, 0.01);
    if (chance(0.8)) measure(kUrea, when, kidney ? 32 : 15, 0.2, 1);
    if (chance(0.9)) measure(kPotassium, when, 4.2 + (kidney ? 0.4 : 0), 0.07, 0.1);
    if (chance(0.9)) measure(kSodium, when, has(State::failure) ? 137 : 140, 0.015, 1);
    const double blood = (person_.male ? 14.8 : 13.4) - (kidney ? 1.6 : 0) - (cancer ? 1.5 : 0);
    if (chance(0.8)) measure(kHemoglobin, when, blood, 0.05, 0.1);
    if (chance(0.6)) measure(kLeukocytes, when, person_.smoker ? 8.1 : 6.9, 0.2, 0.1);
    if (chance(0.6)) measure(kPlatelets, when, cancer ? 300 : 245, 0.2, 1);
    if (chance(0.5)) measure(kAlt, when, 20 + 1.2 * (bmi_ - 22), 0.3, 1);
  }

  void lipids(Time when) {
    measure(kLdl, when, ldl(), 0.06, 1);
    measure(kHdl, when, (person_.male ? 46 : 56) - 0.5 * (bmi_ - 27), 0.1, 1);
    measure(kTriglycerides, when, 110 + 5 * (bmi_ - 25), 0.3, 1);
  }

  // A state is known from the first visit after it, or from a later one.
  void write_conditions(Time when) {
    for (std::size_t s = 0; s + 1 < kStates; ++s)
      if (unwritten_[s] && chance(0.6)) {
        add(kConditionOf[s], when, when);
        unwritten_[s] = false;
      } else if (!unwritten_[s] && entered_[s] && chance(0.25)) {
        add(kConditionOf[s], when, when);
      }
    if (person_.smoker && chance(0.08)) add(kTobacco, when, when);
  }

  // By severity as it was measured, not as it is: the sicker are the treated.
  void treat(Time when) {
    if (has(State::diabetes) && seen_a1c_ > 7 && chance(0.7)) metformin_ = true;
    if (metformin_ && seen_a1c_ > 8.5 && chance(0.5)) insulin_ = true;
    const double danger = 0.15 + 0.3 * has(State::diabetes) + 0.4 * has(State::infarction);
    if (seen_ldl_ > 120 && chance(danger)) statin_ = true;
    if (seen_pressure_ > 140 && chance(0.5)) inhibitor_ = true;
    if (has(State::infarction)) aspirin_ = true;
    const auto prescribe = [&](Item drug, bool taken) {
      if (taken && chance(0.7)) add(drug, when, when);
    };
    prescribe(kMetformin, metformin_);
    prescribe(kInsulin, insulin_);
    prescribe(kStatin, statin_);
    prescribe(kInhibitor, inhibitor_);
    prescribe(kAspirin, aspirin_);
  }

  void stay(double day, State why) {
    const Time begin = floor<minutes>(at(day));
    const Time end = floor<minutes>(at(day + 2 + 6 * random_.uniform()));
    add(kAdmission, end, begin);
    const Time diagnosed = begin + hours(3 + random_.below(20));
    add(kConditionOf[static_cast<std::size_t>(why)], diagnosed, begin);
    unwritten_[static_cast<std::size_t>(why)] = false;
    for (int k = 0; k < 3; ++k) {
      const Time round = begin + hours(1 + 14 * k) + minutes(random_.below(60));
      vitals(round);
      basic_panel(round);
      if (why == State::infarction) measure(kTroponin, round, 2.5 / (1 + k), 0.5, 0.01);
      if (why == State::failure) measure(kNtProBnp, round, 4200.0 / (1 + 0.4 * k), 0.4, 1);
    }
    treat(end);
  }

  Random random_;
  Person person_;
  Time first_;
  double now_ = 0, end_ = 0;  // days from the first
  double age_ = 0, bmi_ = 0, pressure_ = 0, cholesterol_ = 0, sugar_ = 0, diligence_ = 1;
  double seen_pressure_ = 0, seen_ldl_ = 0, seen_a1c_ = 0;  // as last measured
  bool metformin_ = false, insulin_ = false, statin_ = false, inhibitor_ = false, aspirin_ = false;
  Factors factors_{};
  std::array<bool, kStates> entered_{}, unwritten_{};
};

}  // namespace

const std::vector<Concept>& concepts() {
  static const std::vector<Concept> all = all_concepts();
  return all;
}

Person make_person(std::uint64_t seed, std::int64_t number) {
  return Living(seed, number).live();
}

}  // namespace cangong::simulate
