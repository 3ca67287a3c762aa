// What was answered, counted by day: volumes, abstentions, latency, and whether answers still lie
// where those to the patients who judged the model lay. Kept in the live record, written now and
// then: what a crash takes is at most the last seconds' counts, never an answer.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/hospital.h"

namespace cangong {

// Of one model (one bundle under one name) on one UTC day.
struct DayTally {
  std::int64_t day = 0;  // since 1970
  std::string model, bundle;
  std::uint64_t answers = 0, abstained_data = 0, abstained_unlike = 0, deceased = 0;
  std::vector<std::uint64_t> by_decile;  // ten, of the judged patients' answers
  double seconds = 0, slowest = 0;
  // Answers whose features were looked at, and in how many a column had no value.
  double watched = 0;
  std::map<std::size_t, double> missing = {};
};

// Population stability index of counts against expected shares, and the p value of Pearson's
// chi-squared test that they are the same. NaN below 100 answers. Shares of nothing count as half
// an answer in the index.
struct AnswerDrift {
  double psi, p;
};

class Tallies {
 public:
  explicit Tallies(DatabasePool& live);
  ~Tallies();
  void count(const ServedModel& model, const Answered& answered, double seconds);
  // Which of these columns had no value in an answer; of those that weigh most alone.
  void count_missing(const ServedModel& model, Time at, const std::vector<std::size_t>& columns);
  // Written ones and those to come, from that day on, oldest first.
  std::vector<DayTally> since(std::int64_t day);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Of one model and bundle, of these tallies together.
std::vector<std::uint64_t> by_decile(const std::vector<DayTally>& tallies,
                                     const ServedModel& model);

// The columns that weigh most, at most 20, with the share of answers in which each had no value.
struct WatchedColumn {
  std::size_t column;
  double expected, share;  // of training patients, of answers; NaN below 20 answers
};
std::vector<std::size_t> weightiest_columns(const Pipeline& pipeline);
std::vector<WatchedColumn> missing_shares(const std::vector<DayTally>& tallies,
                                          const ServedModel& model);

AnswerDrift compare_with_expected(const std::vector<std::uint64_t>& counts,
                                  const std::vector<double>& expected);

}  // namespace cangong
