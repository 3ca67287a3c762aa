// Lives of the deep synthetic hospital as rows of a store, and their true risks.
#pragma once

#include "simulate/life.h"
#include "timeline/store_writer.h"
#include "timeline/vector_table.h"

namespace cangong::simulate {

// What was written down besides, drawn for one life: visits, measurements, notes.
struct Reading {
  std::size_t measure;  // of measures()
  double years;         // since birth
  double value;
};
struct Visit {
  double years;
  std::vector<Reading> readings;
};
std::vector<Visit> make_visits(const Life& life, std::uint64_t seed);

class LifeExport {
 public:
  explicit LifeExport(StoreWriter& writer);
  void add(const Life& life, const std::vector<Visit>& visits);

 private:
  void add_row(const Life& life, std::optional<double> years, CodeId code);
  StoreWriter& writer_;
  std::vector<CodeId> conditions_, drugs_, trials_, measures_, birth_facts_;
  CodeId birth_, visit_, note_;
};

// Two files of vectors by condition at one moment: hazards.parquet (a year) and risks.parquet (of
// having it within so many years). Whoever was dead or not yet grown has no row.
class RiskExport {
 public:
  RiskExport(const fs::path& folder, Time when, double years);
  void add(const Life& life, const TrueRisks& truth);
  void finish();
  double age_of(const Life& life) const;

 private:
  Time when_;
  VectorTable hazards_, risks_;
};

}  // namespace cangong::simulate
