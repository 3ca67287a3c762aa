// A trained model of whole timelines: its vocabulary, its weights, and what it may foretell.
#pragma once

#include "encode/token_vocabulary.h"
#include "model/decoder_futures.h"
#include "model/likeness.h"
#include "registry/bundle.h"

namespace cangong {

// Of a training, as told at its end.
struct TimelineFacts {
  std::string name, description, store;
  bool synthetic = false;
  std::size_t context = 0, steps = 0;
  double no_event_years = 5;             // between "nothing happened" in what it learnt from
  std::uint64_t people = 0, events = 0;  // that it learnt from
  // What patients who had no part say, as answers are judged; NaN where there are none.
  double cross_entropy = 0, waiting = 0;
  std::string judged_by;  // "held_out", or "tuning" where the store has no others
  std::uint64_t judged_events = 0;
  Likeness likeness;  // of the tuning patients, who did not train
};

class TimelineModel {
 public:
  TimelineModel(TokenVocabulary vocabulary, DecoderWeights weights, TimelineFacts facts);
  // Whether a bundle holds one.
  static bool is_in(const Bundle& bundle, const std::string& prefix = "");
  // Without its weights; throws as open does.
  static TimelineFacts facts_in(const Bundle& bundle);
  // Throws Fault::model where the bundle holds another kind of model, Fault::storage where it is
  // damaged.
  // `prefix`: of its files' names, where the bundle holds another model, too.
  static TimelineModel open(const Bundle& bundle, const std::string& prefix = "");
  void write(BundleWriter& bundle, const std::string& prefix = "") const;

  const TokenVocabulary& vocabulary() const { return vocabulary_; }
  const DecoderWeights& weights() const { return weights_; }
  // Throws Fault::config where it cannot be had.
  void set_format(FloatFormat format) { weights_.set_format(format); }
  const TimelineFacts& facts() const { return facts_; }
  void set_likeness(Likeness likeness) { facts_.likeness = std::move(likeness); }
  FutureRules rules() const;

 private:
  TokenVocabulary vocabulary_;
  DecoderWeights weights_;
  TimelineFacts facts_;
};

// What a history says of being alive at its cutoff.
inline constexpr float kOldestDays = 130 * 365.25f;
struct LifeSoFar {
  std::optional<float> age_days;  // none: no birth is known by then
  bool is_dead = false;
};
LifeSoFar life_so_far(const History& history);

// How many of a hundred are like a record that is asked about: what warns, and where there is no
// answer.
inline constexpr double kRarelyLike = 0.01, kNeverLike = 0.002;
std::optional<double> likeness_of(const TimelineModel& model, const FutureRequest& question);
// Warns where fewer than one of a hundred tuning patients are as unlike the others; throws
// Fault::input where fewer than one of five hundred are.
void require_like(const TimelineModel& model, const FutureRequest& question,
                  std::vector<std::string>& warnings);

// The end of a history, as the model reads it: no more events than it learnt to look back at, facts
// of birth always among them, and "no event" at the age at which it is asked.
FutureRequest question_of(const TimelineModel& model, const TokenSequence& history, float days);

}  // namespace cangong
