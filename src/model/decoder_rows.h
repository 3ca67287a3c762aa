// What a decoder computes: events of several people one after another, without padding.
#pragma once

#include <cstdint>
#include <vector>

#include "model/delphi_training.h"

namespace cangong {

struct DecoderRows {
  struct Target {
    std::uint32_t row;
    std::int32_t next;
    float wait;  // days
  };
  std::vector<std::int32_t> ids;
  std::vector<float> days;               // ages
  std::vector<std::uint32_t> until;      // a row sees its person's rows [0, until); itself if none
  std::vector<std::uint32_t> starts{0};  // first row of each person, and the end
  std::vector<Target> targets;

  std::size_t people() const { return starts.size() - 1; }
  std::size_t rows() const { return ids.size(); }
};

// People [first, last) of rows.
struct DecoderPart {
  const DecoderRows& rows;
  std::size_t first, last;
  std::size_t begin() const { return rows.starts[first]; }
  std::size_t count() const { return rows.starts[last] - rows.starts[first]; }
};

DecoderRows decoder_rows(const DelphiLesson& lesson);
// One person's; each row sees all before it. Nothing is a target.
DecoderRows decoder_rows(std::vector<std::int32_t> ids, std::vector<float> days);

}  // namespace cangong
