// Batches as Delphi trains on them (Shmatko et al. 2025): a block of each person's events, "no
// event" tokens strewn among them, ages in days, and for each event the next one.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace cangong {

// A row of Delphi's files: tokens are the model's ids less one.
struct DelphiEvent {
  std::int64_t person = 0, days = 0, token = 0;
};

struct DelphiPeople {
  std::vector<DelphiEvent> rows;                            // of a person together, by age
  std::vector<std::pair<std::size_t, std::size_t>> people;  // first row, rows
};
DelphiPeople people_of(std::vector<DelphiEvent> rows);

// The model's first ids; between these two and lifestyle stand female and male.
namespace delphi {
constexpr std::int32_t kPadding = 0, kNoEvent = 1;
constexpr std::int32_t kFirstLifestyle = 4, kLastLifestyle = 12;
constexpr float kPaddingAge = -10000;
}  // namespace delphi

struct DelphiBatchOptions {
  enum class NoEvents { none, regular, random };
  enum class Block { first, last, random };

  std::size_t length = 48;
  NoEvents no_events = NoEvents::regular;
  Block block = Block::first;
  double no_event_years = 5;      // between "no event" tokens, on average
  bool shifts_lifestyle = false;  // ages of lifestyle tokens are moved at random
  bool cuts_padding = true;       // leading columns that nobody fills
};

// people x length each; padding stands on the left. `next`: what followed, and when.
struct DelphiBatch {
  std::size_t people = 0, length = 0;
  std::vector<std::int32_t> tokens, next;
  std::vector<float> ages, next_ages;
};

// `chosen`: places in all.people. The randomness is that of the official code: MT19937, its seed
// the sum of the places, so that a batch of the same people is the same batch. Events of one age
// keep the file's order, "no event" behind them.
DelphiBatch delphi_batch(const DelphiPeople& all, std::span<const std::int64_t> chosen,
                         const DelphiBatchOptions& options = {});

}  // namespace cangong
