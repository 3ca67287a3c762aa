#include "encode/delphi_batch.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "base/error.h"

namespace cangong {
namespace {

using namespace delphi;

struct DrawnToken {
  std::int64_t id;  // as in files; -1: padding
  float days;
};

// The generator of PyTorch on a CPU: MT19937, and the remainder of the range.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : twister_(static_cast<std::uint32_t>(seed)) {}
  std::int64_t below(std::int64_t low, std::int64_t high) {
    return static_cast<std::int64_t>(twister_() % static_cast<std::uint64_t>(high - low)) + low;
  }
  // For ranges of 63 bits.
  std::uint64_t wide() {
    const std::uint64_t high = twister_();
    return ((high << 32) | twister_()) % ((std::uint64_t{1} << 63) - 1);
  }

 private:
  std::mt19937 twister_;
};

std::vector<std::size_t> first_rows(const DelphiPeople& all, std::span<const std::int64_t> chosen,
                                    const DelphiBatchOptions& options, Draws& draws) {
  const auto length = static_cast<std::int64_t>(options.length);
  const auto last = static_cast<std::int64_t>(all.rows.size()) - length - 1;
  std::vector<std::size_t> first;
  for (const std::int64_t place : chosen) {
    const auto& [row, count] = all.people[static_cast<std::size_t>(place)];
    auto from = static_cast<std::int64_t>(row);
    const auto rows = static_cast<std::int64_t>(count);
    if (options.block == DelphiBatchOptions::Block::last) from += rows - length - 1;
    if (options.block == DelphiBatchOptions::Block::random)
      from += static_cast<std::int64_t>(
          draws.wide() % static_cast<std::uint64_t>(std::max<std::int64_t>(rows - length, 1)));
    first.push_back(static_cast<std::size_t>(
        std::clamp<std::int64_t>(std::max<std::int64_t>(from, 0), 0, last)));
  }
  return first;
}

bool is_lifestyle(std::int64_t token) {
  return token >= kFirstLifestyle - 1 && token < kLastLifestyle;
}

using Blocks = std::vector<std::vector<DrawnToken>>;

// Rows of other persons, which come along where a block is longer than a record, are padding; but
// their lifestyle takes part in the drawing.
Blocks blocks_of(const DelphiPeople& all, std::span<const std::int64_t> chosen,
                 const DelphiBatchOptions& options, Draws& draws) {
  constexpr std::int64_t kEarlier = -20 * 365, kLater = 40 * 365;
  const std::vector<std::size_t> first = first_rows(all, chosen, options, draws);
  Blocks rows(chosen.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& [own, count] = all.people[static_cast<std::size_t>(chosen[i])];
    for (std::size_t k = 0; k <= options.length; ++k) {
      const DelphiEvent& event = all.rows[first[i] + k];
      DrawnToken token{event.token, static_cast<float>(event.days)};
      if (options.shifts_lifestyle && is_lifestyle(event.token))
        token.days += static_cast<float>(draws.below(kEarlier, kLater));
      if (event.person != all.rows[own].person) token = {-1, kPaddingAge};
      rows[i].push_back(token);
    }
  }
  return rows;
}

// Behind each row; those after its last event are padding.
void add_no_events(Blocks& rows, const DelphiBatchOptions& options, Draws& draws) {
  constexpr double kDays = 365.25, kYears = 100;
  if (options.no_events == DelphiBatchOptions::NoEvents::none) return;
  const auto count = static_cast<std::size_t>(kYears / options.no_event_years);
  for (std::vector<DrawnToken>& row : rows) {
    float last = kPaddingAge;
    for (const DrawnToken& token : row) last = std::max(last, token.days);
    for (std::size_t k = 0; k < count; ++k) {
      const float days =
          options.no_events == DelphiBatchOptions::NoEvents::random
              ? static_cast<float>(draws.below(1, 36525))
              : static_cast<float>(1 + static_cast<double>(k) * kDays * options.no_event_years);
      row.push_back(days > last ? DrawnToken{-1, kPaddingAge} : DrawnToken{0, days});
    }
  }
}

std::size_t padding_of(const std::vector<DrawnToken>& row) {
  const auto is_event = [](const DrawnToken& token) { return token.id >= 0; };
  return static_cast<std::size_t>(std::find_if(row.begin(), row.end(), is_event) - row.begin());
}

void cut(Blocks& rows, const DelphiBatchOptions& options) {
  std::size_t least = rows.empty() ? 0 : rows[0].size();
  for (const auto& row : rows) least = std::min(least, padding_of(row));
  if (!options.cuts_padding) least = 0;
  for (auto& row : rows) {
    const std::size_t left = row.size() - least;
    const std::size_t extra = left > options.length + 1 ? left - options.length - 1 : 0;
    row.erase(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(least + extra));
  }
}

}  // namespace

DelphiPeople people_of(std::vector<DelphiEvent> rows) {
  DelphiPeople all{std::move(rows), {}};
  for (std::size_t i = 0; i < all.rows.size(); ++i)
    if (i == 0 || all.rows[i].person != all.rows[i - 1].person)
      all.people.emplace_back(i, 1);
    else
      ++all.people.back().second;
  return all;
}

DelphiBatch delphi_batch(const DelphiPeople& all, std::span<const std::int64_t> chosen,
                         const DelphiBatchOptions& options) {
  if (all.rows.size() < options.length + 1)
    fail(Fault::input, "fewer events than a block of " + std::to_string(options.length) + " takes");
  Draws draws(
      static_cast<std::uint64_t>(std::accumulate(chosen.begin(), chosen.end(), std::int64_t{0})));
  Blocks rows = blocks_of(all, chosen, options, draws);
  add_no_events(rows, options, draws);
  for (auto& row : rows)
    std::stable_sort(row.begin(), row.end(),
                     [](const DrawnToken& a, const DrawnToken& b) { return a.days < b.days; });
  cut(rows, options);
  DelphiBatch batch;
  batch.people = rows.size(), batch.length = rows.empty() ? 0 : rows[0].size() - 1;
  for (const auto& row : rows)
    for (std::size_t k = 0; k + 1 < row.size(); ++k) {
      const DrawnToken &now = row[k], &next = row[k + 1];
      const bool is_event = now.id >= 0;
      batch.tokens.push_back(static_cast<std::int32_t>(now.id + 1));
      batch.ages.push_back(now.days);
      batch.next.push_back(is_event ? static_cast<std::int32_t>(next.id + 1) : kPadding);
      batch.next_ages.push_back(is_event ? next.days : kPaddingAge);
    }
  return batch;
}

}  // namespace cangong
