// One Parquet file of MEDS rows: written strictly, read leniently (all dialects of MEDS 0.3 and
// 0.4). MEDS 0.4 DataSchema plus two declared extension columns, `occurred` and `unit`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/file.h"
#include "timeline/timeline.h"

namespace cangong {

// Which optional columns a reader wants; the others stay empty and cost nothing.
struct Columns {
  enum Wanted : unsigned { none = 0, occurred = 1, unit = 2, text = 4, all = 7 };
};

// Some consecutive rows, decoded. `events` point into texts that the block owns.
struct Block {
  std::vector<PatientId> patients;  // one per row
  std::vector<Event> events;
  std::shared_ptr<const void> texts;
};

class ShardReader {
 public:
  // Throws Fault::input, naming file and column, where the file is not MEDS data; codes and units
  // are interned into `codes`, which must outlive the reader.
  ShardReader(const fs::path& path, unsigned wanted, CodeBook& codes);
  ~ShardReader();
  ShardReader(ShardReader&&) noexcept;

  // Columns of the file that are none of ours.
  std::vector<std::string> unread_columns() const;
  std::size_t blocks() const;
  std::uint64_t rows() const;
  Block read(std::size_t block) const;
  // Smallest and largest patient of a block, from the file's statistics, without reading it.
  std::pair<PatientId, PatientId> range(std::size_t block) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class ShardWriter {
 public:
  ShardWriter(const fs::path& path, const CodeBook& codes);
  ~ShardWriter();
  ShardWriter(ShardWriter&&) noexcept;

  // Rows come patient by patient, static ones first, then by time. A block never splits a patient.
  void add(PatientId patient, const Event& event);
  // Closes and syncs the file; the digest is of the rows, not of the file's bytes.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Feeds one row to a digest in the canonical form (little-endian, length before each text).
void add_row(Hasher& hasher, PatientId patient, const Event& event, const std::string& code);

}  // namespace cangong
