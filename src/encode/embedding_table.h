// Patients as vectors, in a Parquet file: subject_id, prediction_time, embedding.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "base/file.h"
#include "base/identifier.h"
#include "base/time.h"

namespace cangong {

// Whole after `finish`; rows are held some thousands at a time.
class EmbeddingTable {
 public:
  // `about`: texts for the file's own metadata. Throws Fault::storage.
  EmbeddingTable(const fs::path& file, std::size_t width,
                 const std::map<std::string, std::string>& about);
  ~EmbeddingTable();
  void add(PatientId patient, Time when, std::span<const float> embedding);
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cangong
