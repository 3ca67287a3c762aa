// Rows in canonical order from somewhere: memory, a spilled file or an existing shard.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "timeline/shard.h"
#include "timeline/timeline.h"

namespace cangong {

// A row as the sort sees it; `time` and `occurred` are microseconds, kNoTime = none.
struct PackedRow {
  std::int64_t patient, time, occurred;
  std::uint64_t text_at;  // into the run's texts
  std::uint32_t code, unit, text_length;
  float number;  // NaN = none
};

inline constexpr std::int64_t kNoTime = INT64_MIN;  // sorts static rows first
inline constexpr std::uint32_t kNoUnit = UINT32_MAX;

struct RunRow {
  PatientId patient;
  Event event;  // texts valid until the next call of the same run
};

class SortedRun {
 public:
  virtual ~SortedRun() = default;
  // False at the end.
  virtual bool next(RunRow& row) = 0;
};

PackedRow pack(PatientId patient, const Event& event, std::uint64_t text_at, CodeBook& codes);

// Sorts rows by patient, static first, time, and otherwise in the order given.
void sort_rows(std::vector<PackedRow>& rows);

std::unique_ptr<SortedRun> run_in_memory(const std::vector<PackedRow>& rows,
                                         const std::string& texts, const CodeBook& codes);
// Writes what is left of a run; throws Fault::storage where the disk is full.
void spill(const fs::path& file, SortedRun& run, CodeBook& codes);
std::unique_ptr<SortedRun> run_in_file(const fs::path& file, const CodeBook& codes);
std::unique_ptr<SortedRun> run_in_shard(const fs::path& file, CodeBook& codes);
// Of equal rows, those of earlier runs come first.
std::unique_ptr<SortedRun> merged(std::vector<std::unique_ptr<SortedRun>> runs);

}  // namespace cangong
