// Patients' vectors in a Parquet file: subject_id, prediction_time, and a column of as many numbers
// for each.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "base/file.h"
#include "base/identifier.h"
#include "base/time.h"

namespace cangong {

struct VectorColumn {
  std::string name;  // "embedding"
  std::size_t width = 0;
};

// Whole after `finish`; rows are held some thousands at a time.
class VectorTable {
 public:
  // `about`: texts for the file's own metadata. Throws Fault::storage.
  VectorTable(const fs::path& file, const VectorColumn& column,
              const std::map<std::string, std::string>& about);
  ~VectorTable();
  void add(PatientId patient, Time when, std::span<const float> vector);
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Row by row, some thousands in memory at a time; gives what the file says about itself. Throws
// Fault::missing where there is no such file, Fault::input where it is none of these.
std::map<std::string, std::string> read_vectors(
    const fs::path& file, const std::string& column,
    const std::function<void(PatientId, Time, std::span<const float>)>& use);

}  // namespace cangong
