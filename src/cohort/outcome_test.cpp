#include <gtest/gtest.h>

#include <cmath>

#include "cohort/label.h"

namespace cangong {
namespace {

// A record of one patient, written as code, day, number and the day on which it happened.
struct Patient {
  struct Row {
    const char* code;
    double day;
    std::optional<float> number = std::nullopt;
    std::optional<double> happened = std::nullopt;
  };

  explicit Patient(std::initializer_list<Row> rows) {
    for (const Row& row : rows) {
      Event event;
      event.code = codes.intern(row.code);
      event.time = at(row.day);
      event.number = row.number;
      if (row.happened) event.occurred = at(*row.happened);
      events.push_back(event);
    }
  }
  static Time at(double day) { return Time(Duration(std::llround(day * 86400e6))); }

  // The labels of a task whose trigger is VISIT and whose window is the 10 days after it.
  std::vector<LabelRow> labels(const std::string& outcome) const {
    const Task task = parse_task(
        "predicates: {visit: {code: VISIT}, ill: {code: ILL}, dead: {code: DEAD}, lab: {code: "
        "LAB}}\n"
        "trigger: visit\nwindows:\n  target: {start: trigger, end: start + 10d, "
        "start_inclusive: False, end_inclusive: True, index_timestamp: start}\noutcome: " +
            outcome + "\n",
        "task.yaml");
    std::vector<std::vector<LabelRow>> rows(1);
    Labeller({task}, codes).label(Timeline(PatientId(1), events, codes, nullptr), rows);
    return rows[0];
  }
  std::optional<Label> label(const std::string& outcome) const {
    const auto rows = labels(outcome);
    return rows.empty() ? std::nullopt : rows[0].label;
  }

  CodeBook codes;
  std::vector<Event> events;
};

const char* kIll = "{kind: boolean, window: target, predicate: ill, follow_up: required}";

TEST(Outcome, NoNeedsFollowUpToTheEndOfTheWindow) {
  EXPECT_EQ(Patient({{"VISIT", 0}, {"X", 9}}).label(kIll), std::nullopt);
  EXPECT_EQ(Patient({{"VISIT", 0}, {"X", 10}}).label(kIll), Label(false));
  EXPECT_EQ(Patient({{"VISIT", 0}, {"ILL", 3}}).label(kIll), Label(true));
}

TEST(Outcome, AnEventMayEndTheFollowUp) {
  const std::string with_death =
      "{kind: boolean, window: target, predicate: ill, follow_up: required, follow_up_ends: dead}";
  EXPECT_EQ(Patient({{"VISIT", 0}, {"DEAD", 4}}).label(with_death), Label(false));
  EXPECT_EQ(Patient({{"VISIT", 0}, {"X", 4}}).label(with_death), std::nullopt);
}

TEST(Outcome, TakesOneValueOfMany) {
  const Patient patient(
      {{"VISIT", 0}, {"LAB", 1, 4.0f}, {"LAB", 2, 9.0f}, {"LAB", 3, 2.0f}, {"LAB", 5, 7.0f}});
  const auto taken = [&](const std::string& take) {
    return patient.label("{kind: value, window: target, predicate: lab, take: " + take + "}");
  };
  EXPECT_EQ(taken("first"), Label(4.0));
  EXPECT_EQ(taken("last"), Label(7.0));
  EXPECT_EQ(taken("min"), Label(2.0));
  EXPECT_EQ(taken("max"), Label(9.0));
  EXPECT_EQ(taken("mean"), Label(5.5));
  EXPECT_EQ(taken("median"), Label(5.5));
  EXPECT_EQ(taken("sum"), Label(22.0));
  EXPECT_EQ(taken("change"), Label(3.0));
}

TEST(Outcome, TheAnswerMayGoByWhenItHappened) {
  // Known on day 12, behind the window; it happened on day 3, inside.
  const Patient patient({{"VISIT", 0}, {"ILL", 12, std::nullopt, 3.0}});
  EXPECT_EQ(patient.label("{kind: boolean, window: target, predicate: ill}"), Label(false));
  EXPECT_EQ(patient.label("{kind: boolean, window: target, predicate: ill, clock: occurred}"),
            Label(true));
}

TEST(Outcome, FollowUpIsNotForSurvival) {
  EXPECT_THROW(Patient({{"VISIT", 0}})
                   .label("{kind: survival, window: target, causes: [ill], follow_up: required}"),
               Error);
}

}  // namespace
}  // namespace cangong
