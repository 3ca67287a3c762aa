#include "model/decoder_rows.h"

#include "base/error.h"

namespace cangong {
namespace {

// Of a row that begins at its person's first event: how many events from there on it sees.
std::uint32_t seen_from(const std::uint8_t* sees, std::size_t row) {
  std::uint32_t until = 0;
  while (until <= row && sees[until]) ++until;
  for (std::size_t j = until; j < row; ++j) ensure(!sees[j], "what is seen is a beginning");
  return until;
}

}  // namespace

DecoderRows decoder_rows(const DelphiLesson& lesson) {
  const DelphiBatch& batch = lesson.batch;
  const std::size_t length = batch.length;
  DecoderRows rows;
  for (std::size_t person = 0; person < batch.people; ++person) {
    std::size_t first = person * length;
    const std::size_t end = first + length;
    while (first < end && batch.tokens[first] == delphi::kPadding) ++first;
    for (std::size_t row = first; row < end; ++row) {
      ensure(batch.tokens[row] != delphi::kPadding, "padding stands on the left");
      rows.until.push_back(
          seen_from(&lesson.sees[row * length + (first - person * length)], row - first));
      if (lesson.is_target[row])
        rows.targets.push_back({static_cast<std::uint32_t>(rows.ids.size()), batch.next[row],
                                static_cast<float>(lesson.waits[row])});
      rows.ids.push_back(batch.tokens[row]);
      rows.days.push_back(batch.ages[row]);
    }
    rows.starts.push_back(static_cast<std::uint32_t>(rows.ids.size()));
  }
  return rows;
}

DecoderRows decoder_rows(std::vector<std::int32_t> ids, std::vector<float> days) {
  DecoderRows rows;
  rows.ids = std::move(ids), rows.days = std::move(days);
  for (std::size_t i = 0; i < rows.ids.size(); ++i)
    rows.until.push_back(static_cast<std::uint32_t>(i + 1));
  rows.starts.push_back(static_cast<std::uint32_t>(rows.ids.size()));
  return rows;
}

}  // namespace cangong
