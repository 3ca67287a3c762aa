#include "simulate/life.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"

namespace cangong::simulate {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kUsualAge = 60;
constexpr double kDrugDelay = 7 / 365.25;  // after the indication, in years

double calendar_year(Time time) {
  return 1970 + static_cast<double>(time.time_since_epoch().count()) / kYearInMicroseconds;
}

// The tables by number instead of by code.
struct Index {
  struct To {
    std::size_t condition;
    double log_ratio;
  };
  std::vector<std::vector<To>> of_condition, of_drug;
  std::vector<std::size_t> indication, severe;  // by drug
  std::size_t death = 0;

  static const Index& get() {
    static const Index index;
    return index;
  }

 private:
  Index() : of_condition(conditions().size()), of_drug(drugs().size()) {
    for (const Influence& one : influences()) {
      const auto drug = std::find_if(drugs().begin(), drugs().end(),
                                     [&](const Drug& d) { return is_named(d.code, one.from); });
      const To to{condition(one.to), one.log_ratio};
      if (drug != drugs().end())
        of_drug[static_cast<std::size_t>(drug - drugs().begin())].push_back(to);
      else
        of_condition[condition(one.from)].push_back(to);
    }
    for (const Drug& drug : drugs()) {
      indication.push_back(condition(drug.indication));
      severe.push_back(condition(drug.severe));
    }
    death = condition(kDeathCode);
  }
  static std::size_t condition(std::string_view name) {
    for (std::size_t k = 0; k < conditions().size(); ++k)
      if (is_named(conditions()[k].code, name)) return k;
    return conditions().size();  // a test finds it
  }
};

// A person on the way: log hazards at an age grow on a line until something happens.
class Course {
 public:
  explicit Course(const Birth& birth)
      : has_(conditions().size()), takes_(drugs().size()), decided_(drugs().size()) {
    const double born = calendar_year(birth.day);
    constexpr double kBaseYear = 2010;
    for (const Condition& one : conditions()) {
      const double from_usual =
          one.male * birth.male + one.smoker * birth.smoker + one.weight * birth.weight +
          one.south * (birth.site == Site::south) + one.year * (born - kBaseYear);
      at_birth_.push_back(std::log(one.base) + from_usual - one.age * kUsualAge);
      slope_.push_back(one.age + one.year);
    }
  }

  bool may(std::size_t k) const { return !has_[k] || conditions()[k].recurs; }
  double hazard(std::size_t k, double age) const {
    return may(k) ? std::exp(at_birth_[k] + slope_[k] * age) : 0;
  }
  // Integrated from an age to a later one.
  double cumulative(std::size_t k, double from, double to) const {
    const double now = hazard(k, from), slope = slope_[k];
    return std::abs(slope) < 1e-9 ? now * (to - from)
                                  : now * std::expm1(slope * (to - from)) / slope;
  }

  struct Next {
    std::size_t condition;
    double age;
  };
  // Each hazard has a clock of its own; the first to ring.
  Next draw(double age, Random& random) const {
    Next next{0, kNever};
    for (std::size_t k = 0; k < has_.size(); ++k) {
      const double exponential = -std::log1p(-random.uniform());
      if (!may(k)) continue;
      const double now = std::exp(at_birth_[k] + slope_[k] * age), slope = slope_[k];
      const double grown = 1 + slope * exponential / now;  // a falling hazard may never ring
      const double wait = std::abs(slope) < 1e-9 ? exponential / now
                          : grown > 0            ? std::log(grown) / slope
                                                 : kNever;
      if (age + wait < next.age) next = {k, age + wait};
    }
    return next;
  }

  void get(std::size_t k) {
    if (!has_[k]) add(Index::get().of_condition[k]);
    has_[k] = true;
  }
  void take(std::size_t d) {
    if (!takes_[d]) add(Index::get().of_drug[d]);
    takes_[d] = true;
  }
  bool has(std::size_t k) const { return has_[k]; }

  // Of a condition that has just come: what is decided of each drug that it is the indication of.
  template <class Use>
  void decide(std::size_t k, Random& random, const Use& use) {
    const Index& index = Index::get();
    for (std::size_t d = 0; d < decided_.size(); ++d) {
      if (index.indication[d] != k || decided_[d]) continue;
      decided_[d] = true;
      constexpr double kEnrolled = 0.5;
      const bool in_trial = random.uniform() < kEnrolled;
      const double given = in_trial ? kCoin : has_[index.severe[d]] ? kGivenSevere : kGivenOther;
      use(d, in_trial, random.uniform() < given);
    }
  }
  void decided(std::size_t d) { decided_[d] = true; }

 private:
  void add(const std::vector<Index::To>& all) {
    for (const auto& [condition, log_ratio] : all) at_birth_[condition] += log_ratio;
  }

  std::vector<double> at_birth_, slope_;  // log hazard = at_birth + slope * age
  std::vector<char> has_, takes_, decided_;
};

// Drawn on until death or `end`; what happens is told, drugs a week after their indication.
template <class Tell, class Between>
double go_on(Course& course, double age, double end, Random& random, const Tell& tell,
             const Between& between) {
  struct Pending {
    double age;
    std::size_t drug;
  };
  std::vector<Pending> pending;
  const std::size_t death = Index::get().death;
  for (;;) {
    const Course::Next next = course.draw(age, random);
    const auto first =
        std::min_element(pending.begin(), pending.end(),
                         [](const Pending& a, const Pending& b) { return a.age < b.age; });
    const double then = std::min({next.age, end, first == pending.end() ? kNever : first->age});
    between(age, then);
    age = then;
    if (then >= end) return end;
    if (first != pending.end() && then == first->age) {
      course.take(first->drug);
      tell(Happening{Happening::Kind::drug, first->drug, then});
      pending.erase(first);
      continue;
    }
    course.get(next.condition);
    tell(Happening{Happening::Kind::condition, next.condition, then});
    if (next.condition == death) return then;
    course.decide(next.condition, random, [&](std::size_t drug, bool in_trial, bool given) {
      if (in_trial) tell(Happening{Happening::Kind::trial, drug, then});
      if (given) pending.push_back({then + kDrugDelay, drug});
    });
  }
}

Birth make_birth(Random& random, std::int64_t number) {
  Birth birth;
  birth.number = number;
  constexpr int kFirstYear = 1925, kYears = 65;
  const std::chrono::sys_days first = std::chrono::year(kFirstYear) / std::chrono::January / 1;
  birth.day = Time(first + std::chrono::days(static_cast<int>(random.uniform() * kYears * 365.25)));
  birth.male = random.uniform() < 0.5;
  birth.smoker = random.uniform() < (birth.male ? 0.4 : 0.12);
  const double weight = random.uniform();
  birth.weight = weight < 0.5 ? 0 : weight < 0.82 ? 1 : 2;
  birth.site = random.uniform() < 0.6 ? Site::north : Site::south;
  return birth;
}

std::uint64_t seed_of_life(std::uint64_t seed, std::int64_t number) {
  return (seed * 0x9e3779b97f4a7c15) ^ (static_cast<std::uint64_t>(number) * 0xd1b54a32d192ed03);
}

}  // namespace

Time end_of_records() {
  return Time(std::chrono::sys_days(std::chrono::year(2025) / std::chrono::January / 1));
}

Life make_life(std::uint64_t seed, std::int64_t number) {
  Random random(seed_of_life(seed, number));
  Life life;
  life.birth = make_birth(random, number);
  Course course(life.birth);
  const double end =
      static_cast<double>((end_of_records() - life.birth.day).count()) / kYearInMicroseconds;
  life.followed = go_on(
      course, kAdult, end, random, [&](const Happening& one) { life.happenings.push_back(one); },
      [](double, double) {});
  return life;
}

std::optional<TrueRisks> true_risks(const Life& life, double age, double horizon_years,
                                    std::size_t futures, std::uint64_t seed) {
  if (age < kAdult || age >= life.followed) return std::nullopt;
  Course known(life.birth);
  const Index& index = Index::get();
  for (const Happening& one : life.happenings) {
    if (one.years > age) break;
    if (one.kind == Happening::Kind::condition) {
      known.get(one.which);
      for (std::size_t d = 0; d < drugs().size(); ++d)
        if (index.indication[d] == one.which) known.decided(d);
    }
    if (one.kind == Happening::Kind::drug) known.take(one.which);
  }
  const std::size_t count = conditions().size();
  TrueRisks truth{std::vector<double>(count), std::vector<double>(count)};
  for (std::size_t k = 0; k < count; ++k) truth.hazard[k] = known.hazard(k, age);
  std::vector<double> counted(count);
  Random random(seed_of_life(seed, life.birth.number) + 1);
  for (std::size_t f = 0; f < futures; ++f) {
    Course course = known;
    std::vector<char> came(count);
    go_on(
        course, age, age + horizon_years, random,
        [&](const Happening& one) {
          if (one.kind == Happening::Kind::condition) came[one.which] = true;
        },
        [&](double from, double to) {
          for (std::size_t k = 0; k < count; ++k)
            if (!came[k])
              truth.risk[k] += course.cumulative(k, from, to) / static_cast<double>(futures);
        });
    for (std::size_t k = 0; k < count; ++k) counted[k] += came[k] / static_cast<double>(futures);
  }
  // What most have has the smaller error counted.
  for (std::size_t k = 0; k < count; ++k)
    if (truth.risk[k] > 0.5) truth.risk[k] = counted[k];
  return truth;
}

}  // namespace cangong::simulate
