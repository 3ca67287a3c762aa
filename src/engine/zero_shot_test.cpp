#include "engine/zero_shot.h"

#include <gtest/gtest.h>

namespace cangong {
namespace {

// Codes without numbers, and L, whose numbers have a low part and a high one (1 and 9).
TokenVocabulary vocabulary() {
  return TokenVocabulary::parse(
      R"({"format": 1, "first_outcome": 2, "excluded": [], "birth_years": 0,
    "tokens": [["", 0, "padding", 0, false, 0], ["", 0, "no_event", 0, true, 0],
      ["ADMIT", 0, "outcome", 9, true, 0], ["LEAVE", 0, "outcome", 9, true, 0],
      ["MEDS_DEATH", 0, "outcome", 9, false, 0], ["L", 0, "outcome", 9, true, 0],
      ["L", 1, "outcome", 9, true, 1], ["L", 2, "outcome", 9, true, 9]],
    "cuts": {"L": {"unit": "mg", "at": [5]}}})");
}

Task task(const std::string& predicates, const std::string& windows,
          const std::string& trigger = "admit") {
  return parse_task(
      "predicates: {admit: {code: ADMIT}, leave: {code: LEAVE}, dead: {code: MEDS_DEATH}" +
          predicates + "}\ntrigger: " + trigger + "\nwindows:\n" + windows,
      "task.yaml");
}

const std::string kInput =
    "  input: {start: null, end: trigger + 24h, start_inclusive: True, end_inclusive: True, "
    "index_timestamp: end}\n";

TEST(ZeroShot, WindowsOfAFixedLengthTellHowFarToDraw) {
  const TaskEnd end = end_of(
      task("", kInput + "  target: {start: input.end, end: start + 30d, start_inclusive: False, "
                        "end_inclusive: True, label: leave}\n"),
      vocabulary());
  EXPECT_FALSE(end.by_event);
  EXPECT_EQ(end.last, Duration(std::chrono::hours(24 * 30)))
      << "from the prediction, not the trigger";
  EXPECT_TRUE(end.stops.empty());
}

TEST(ZeroShot, AnEventThatEndsAWindowEndsTheFuture) {
  const TaskEnd end =
      end_of(task(", out: {expr: 'or(leave, dead)'}",
                  kInput + "  gap: {start: trigger, end: start + 48h, start_inclusive: False, "
                           "end_inclusive: True, has: {out: '(None, 0)'}}\n"
                           "  target: {start: gap.end, end: start -> out, start_inclusive: False, "
                           "end_inclusive: True, label: dead}\n"),
             vocabulary());
  EXPECT_TRUE(end.by_event);
  EXPECT_EQ(end.last, Duration(std::chrono::hours(24)));
  EXPECT_EQ(end.from, Duration(std::chrono::hours(24))) << "not before the gap is over";
  EXPECT_EQ(end.stops, (std::vector<std::uint8_t>{0, 0, 0, 1, 1, 0, 0, 0}));
}

// The prediction hangs on an event, but what comes after hangs on the prediction.
TEST(ZeroShot, LengthsAreFromThePredictionWhateverItHangsOn) {
  const TaskEnd end =
      end_of(task("",
                  "  stay: {start: trigger, end: start -> leave, start_inclusive: True, "
                  "end_inclusive: True, index_timestamp: end}\n"
                  "  target: {start: stay.end, end: start + 730d, start_inclusive: False, "
                  "end_inclusive: True, label: admit}\n"),
             vocabulary());
  EXPECT_FALSE(end.by_event);
  EXPECT_EQ(end.last, Duration(std::chrono::hours(24 * 730)));
}

TEST(ZeroShot, WhatNoFutureCanSayIsRefused) {
  const auto asked = [&](const std::string& predicate) {
    require_foretellable(
        task(", it: " + predicate,
             kInput + "  target: {start: input.end, end: start + 30d, start_inclusive: False, "
                      "end_inclusive: True, label: it}\n"),
        vocabulary());
  };
  EXPECT_NO_THROW(asked("{code: LEAVE}"));
  EXPECT_NO_THROW(asked("{code: L, value_min: 3}")) << "its high part is 9";
  EXPECT_THROW(asked("{code: L, value_min: 20}"), Error);
  EXPECT_THROW(asked("{code: NEVER}"), Error);
  EXPECT_THROW(asked("{code: LEAVE, value_min: 1}"), Error) << "it has no numbers";
}

}  // namespace
}  // namespace cangong
