// What a decoder learns from in one step: a window of each person's tokens, "no event" strewn among
// them (Shmatko et al. 2025), and for each what came next.
#pragma once

#include "base/config.h"
#include "base/random.h"
#include "encode/token_shards.h"
#include "model/decoder_rows.h"

namespace cangong {

struct WindowOptions {
  static constexpr bool is_config = true;
  std::size_t context = 48;
  std::string from = "random";
  std::string ties = "seen", silence = "counts";
  double no_event_years = 5, least_days = 0, resolution_days = 0.01;
  bool keep_birth = true;
  std::vector<std::string> shift;
  template <class V>
  void visit(V& v) {
    v("context", context, "events that are looked back at, at most");
    v("from", from, "random, or first: where a window begins in a record that is longer");
    v("keep_birth", keep_birth, "facts of birth stay in every window (Delphi lets them go)");
    v("no_event_years", no_event_years, "between tokens that say nothing happened, on average");
    v("ties", ties,
      "events of one moment: seen, one after another; or hidden from each other, as Delphi does");
    v("silence", silence,
      "time at whose end nothing to be foretold happened: counts, or is left_out, as by Delphi");
    v("least_days", least_days, "waiting times count so much at least (Delphi: 1)");
    v("resolution_days", resolution_days,
      "no event is expected sooner than this on average (Delphi: 0.1)");
    v("shift", shift,
      "regular expressions: inputs whose time says more about the study than about the person; "
      "they are moved by -20 to 40 years at random");
  }
};

class TokenBatches {
 public:
  // Throws Fault::config where the options make no sense. All must outlive it.
  TokenBatches(const TokenShards& shards, const TokenVocabulary& vocabulary,
               const WindowOptions& options);

  // People drawn with replacement from those who train; the same for the same random numbers.
  DecoderRows training(std::size_t people, Random& random) const;
  // These people of a split as answers are judged: each one's own window, always the same; "no
  // event" at even intervals and no target.
  DecoderRows judging(TokenSplit split, std::size_t first, std::size_t people) const;
  std::int32_t first_outcome() const { return first_outcome_; }

 private:
  struct Row {
    std::int32_t id;
    float days;
    bool follows = true;  // false: events between the row before and this one were left out
    bool ends = false;    // the record: nothing happened until then
  };
  using Rows = std::vector<Row>;
  enum class Use { training, judging };
  Rows window(std::span<const TokenEvent> events, Random& random, Use use) const;
  void add_no_events(Rows& rows, Random& random, Use use) const;
  // Of the rows, how many at their beginning are facts of birth that stay.
  template <class Events>
  std::size_t kept_of(const Events& events) const;
  void append(const Rows& rows, Use use, DecoderRows& batch) const;

  const TokenShards& shards_;
  const WindowOptions& options_;
  std::int32_t first_outcome_;
  std::vector<std::uint8_t> shifts_;  // by id
};

}  // namespace cangong
