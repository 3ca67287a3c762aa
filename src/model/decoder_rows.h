// What a decoder computes: events of several people one after another, without padding.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "model/delphi_training.h"

namespace cangong {

struct DecoderRows {
  // What is foretold behind a row: an event after so many days; or that nothing happened in them,
  // which counts for the waiting time alone.
  struct Target {
    static constexpr std::int32_t kNothing = 0;  // padding's id
    std::uint32_t row;
    std::int32_t next;
    float wait;  // days
    bool is_event() const { return next != kNothing; }
  };
  std::vector<std::int32_t> ids;
  std::vector<float> days;               // ages
  std::vector<std::uint32_t> until;      // a row sees its person's rows [0, until); itself if none
  std::vector<std::uint32_t> starts{0};  // first row of each person, and the end
  std::vector<Target> targets;

  std::size_t people() const { return starts.size() - 1; }
  std::size_t rows() const { return ids.size(); }
  // Targets that are events: losses are means over them.
  std::size_t events() const {
    return static_cast<std::size_t>(std::count_if(targets.begin(), targets.end(),
                                                  [](const Target& t) { return t.is_event(); }));
  }
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
