// Twelve leaks planted one by one in a clean hospital: each is found, and the clean twin is clean.
#include <gtest/gtest.h>

#include <functional>

#include "base/random.h"
#include "days.h"
#include "timeline/store_writer.h"
#include "train/leakage.h"

namespace cangong {
namespace {

const char* kTask = R"(
predicates: {visit: {code: VISIT}, ill: {code: ILL}, other: {code: OTHER}}
trigger: visit
windows:
  target: {start: trigger, end: start + 30d, start_inclusive: False, end_inclusive: True,
           label: ill, index_timestamp: start}
)";

// One patient in the making.
struct Person {
  int number;
  bool ill;
  double visit;  // day of the prediction
  struct Row {
    std::string code;
    std::optional<double> day;
    std::optional<float> value = std::nullopt;
    std::optional<double> happened = std::nullopt;
  };
  std::vector<Row> rows;
};
using Plant = std::function<void(Person&, Random&)>;

// 800 patients with drifting visits, noise codes and one honest, moderate risk factor.
LeakageReport find(const Plant& plant) {
  const TempFolder folder;
  StoreWriter writer(folder.path() / "s", {});
  Random random(11), leak(12);
  for (int i = 0; i < 800; ++i) {
    const double risk = random.normal();
    Person person{i, risk + random.normal() > 1.0, 200 + 600 * random.uniform(), {}};
    person.rows = {{i % 2 ? "GENDER//F" : "GENDER//M", std::nullopt},
                   {"MEDS_BIRTH", -9000.0 - 20 * i}};
    const auto labs = 3 + random.below(12);
    for (std::uint32_t k = 0; k < labs; ++k)
      person.rows.push_back({"LAB//" + std::to_string(random.below(30)),
                             person.visit - 100 * random.uniform(),
                             static_cast<float>(random.normal())});
    person.rows.push_back({"RISK", person.visit - 5, static_cast<float>(risk)});
    person.rows.push_back({"VISIT", person.visit});
    if (person.ill) person.rows.push_back({"ILL", person.visit + 1 + 25 * random.uniform()});
    person.rows.push_back({"LAB//1", person.visit + 40, 1.0f});
    if (plant) plant(person, leak);
    for (const auto& row : person.rows) {
      Event event;
      event.code = writer.codes().intern(row.code);
      if (row.day) event.time = day(*row.day);
      event.number = row.value;
      if (row.happened) event.occurred = day(*row.happened);
      writer.add(PatientId(person.number), event);
    }
  }
  writer.commit();
  const Store store = Store::open(folder.path() / "s");
  const Labeller labeller({parse_task(kTask, "task.yaml")}, store.codes());
  const auto rows = label_store(store, labeller, 1);
  LeakageReport report = find_leaks({store, rows[0], &labeller});
  for (const auto& warning : labeller.warnings())
    if (warning.find("where the model sees it") != std::string::npos)
      report.findings.push_back({"answer_visible", "ILL", warning, "", 1});
  return report;
}

bool has(const LeakageReport& report, const std::string& kind, const std::string& what) {
  for (const Leak& leak : report.findings)
    if (leak.kind == kind && leak.what == what) return true;
  return false;
}

TEST(Leakage, TheCleanTwinIsClean) {
  const LeakageReport report = find({});
  EXPECT_EQ(report.examples, 800u);
  EXPECT_GT(report.cases, 100u);
  for (const Leak& leak : report.findings) ADD_FAILURE() << leak.kind << " " << leak.what;
}

TEST(Leakage, ACopyOfTheAnswerAmongTheValues) {
  EXPECT_TRUE(has(
      find([](Person& p, Random& random) {
        p.rows.push_back({"SCORE", p.visit - 1, static_cast<float>(p.ill * 10 + random.normal())});
      }),
      "near_perfect_value", "SCORE"));
}

TEST(Leakage, ATreatmentThatOnlyTheIllGet) {
  EXPECT_TRUE(has(find([](Person& p, Random& random) {
                    if (p.ill && random.uniform() < 0.3) p.rows.push_back({"CARE", p.visit - 1});
                  }),
                  "only_with_answer", "CARE"));
}

TEST(Leakage, ACodeThatTheIllNeverHave) {
  EXPECT_TRUE(has(find([](Person& p, Random& random) {
                    if (!p.ill && random.uniform() < 0.7)
                      p.rows.push_back({"SENT_HOME", p.visit - 1});
                  }),
                  "never_with_answer", "SENT_HOME"));
}

TEST(Leakage, AStaticFactThatTellsTheAnswer) {
  EXPECT_TRUE(has(find([](Person& p, Random&) {
                    if (p.ill) p.rows.push_back({"SITE//TRIAL", std::nullopt});
                  }),
                  "near_perfect_code", "SITE//TRIAL"));
}

TEST(Leakage, APresenceThatTellsTheAnswer) {
  EXPECT_TRUE(has(find([](Person& p, Random& random) {
                    if (p.ill != (random.uniform() < 0.005))
                      p.rows.push_back({"FLAG", p.visit - 2});
                  }),
                  "near_perfect_code", "FLAG"));
}

TEST(Leakage, ADiagnosisStampedBackToAdmission) {
  EXPECT_TRUE(has(find([](Person& p, Random& random) {
                    if (random.uniform() < 0.3)
                      p.rows.push_back({"DX", p.visit - 3, std::nullopt, p.visit + 10});
                  }),
                  "happened_later", "DX"));
}

TEST(Leakage, TheSamePersonUnderTwoNumbers) {
  EXPECT_TRUE(has(find([](Person& p, Random&) {
                    static std::vector<Person::Row> kept;
                    if (p.number == 10) kept = p.rows;
                    if (p.number == 20) p.rows = kept;
                  }),
                  "duplicate_patients", ""));
}

TEST(Leakage, NumbersGivenInTheOrderOfTheAnswer) {
  EXPECT_TRUE(has(find([](Person& p, Random&) { p.number += p.ill ? 100000 : 0; }), "record_shape",
                  "the patient's number"));
}

TEST(Leakage, PredictionsAtAnHourThatTellsTheAnswer) {
  EXPECT_TRUE(has(find([](Person& p, Random& random) {
                    const double hour = (p.ill ? 0.5 : 0.2) + 0.01 * random.uniform();
                    const double moved = std::floor(p.visit) + hour - p.visit;
                    for (auto& row : p.rows)
                      if (row.day) *row.day += moved;
                  }),
                  "record_shape", "the time of day"));
}

TEST(Leakage, RecordsThatAreLongerForTheIll) {
  EXPECT_TRUE(has(find([](Person& p, Random& random) {
                    for (int k = 0; p.ill && k < 40; ++k)
                      p.rows.push_back({"LAB//" + std::to_string(random.below(30)),
                                        p.visit - 100 * random.uniform(), 0.0f});
                  }),
                  "record_shape", "how many events the record has"));
}

TEST(Leakage, PredictionsForTheDead) {
  EXPECT_TRUE(has(find([](Person& p, Random& random) {
                    if (random.uniform() < 0.1) p.rows.push_back({"MEDS_DEATH", p.visit - 50});
                  }),
                  "after_death", "MEDS_DEATH"));
}

TEST(Leakage, CodesThatFollowAnEarlierAnswer) {
  EXPECT_TRUE(has(find([](Person& p, Random& random) {
                    if (random.uniform() > 0.4) return;
                    p.rows.push_back({"ILL", p.visit - 80});
                    p.rows.push_back({"REHABILITATION", p.visit - 60});
                  }),
                  "after_answer", "REHABILITATION"));
}

}  // namespace
}  // namespace cangong
