// What a model sees: a sparse table with named columns. An entry that is absent stands for the
// column's own "absent" value: 0 for counts, NaN (missing) for measurements.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/matrix.h"

namespace cangong {

struct Column {
  std::string code;       // "LAB//50912//mg/dL", or a derived name such as "AGE"
  std::string aggregate;  // "last", "count", ...
  std::string window;     // "24h", "7d", "all", or "" for static facts
  std::string unit;
  bool missing_when_absent = false;
  bool by_unit = false;  // the code has columns of other units as well

  std::string name() const {
    const std::string what = by_unit ? code + " [" + unit + "]" : code;
    return window.empty() ? what : what + " | " + aggregate + " | " + window;
  }
  float absent() const {
    return missing_when_absent ? std::numeric_limits<float>::quiet_NaN() : 0.0f;
  }
};

struct Entry {
  std::uint32_t column;
  float value;
};

// Row i holds entries [offsets[i], offsets[i + 1]), by ascending column.
struct Batch {
  std::vector<std::size_t> offsets{0};
  std::vector<Entry> entries;

  std::size_t rows() const { return offsets.size() - 1; }
  void add_row(const std::vector<Entry>& row) {
    entries.insert(entries.end(), row.begin(), row.end());
    offsets.push_back(entries.size());
  }
};

// Every cell, absent ones filled in.
Matrix dense(const Batch& batch, const std::vector<Column>& columns);

}  // namespace cangong
