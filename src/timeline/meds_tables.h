// The small tables of a MEDS data set: codes, splits and labels.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/file.h"
#include "base/identifier.h"
#include "base/time.h"

namespace cangong {

// metadata/codes.parquet (MEDS 0.4 CodeMetadataSchema).
struct CodeInfo {
  std::string code, description;
  std::vector<std::string> parents;  // "VOCABULARY/code"
};

std::vector<CodeInfo> read_codes(const fs::path& file);
void write_codes(const fs::path& file, const std::vector<CodeInfo>& codes);

// metadata/subject_splits.parquet: each patient's "train", "tuning" or "held_out".
using Splits = std::map<PatientId, std::string>;

Splits read_splits(const fs::path& file);
void write_splits(const fs::path& file, const Splits& splits);

// What happened after the prediction time. Cause 0 = censored.
struct Survival {
  double days = 0;
  int cause = 0;
  friend bool operator==(const Survival&, const Survival&) = default;
};
using Label = std::variant<bool, std::int64_t, double, std::string, Survival>;

// One row of a MEDS label table; survival stands in float_value (days) and integer_value (cause).
struct LabelRow {
  PatientId patient;
  Time when;
  std::optional<Label> label;  // none: the task finds rows but labels none
};

// Reads every Parquet file below `folder`, in order of name.
std::vector<LabelRow> read_labels(const fs::path& folder);
void write_labels(const fs::path& file, const std::vector<LabelRow>& rows);

}  // namespace cangong
