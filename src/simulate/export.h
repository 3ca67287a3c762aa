// A synthetic person as rows of a store, as FHIR R4 resources, and the truth behind both.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "simulate/person.h"
#include "timeline/store_writer.h"

namespace cangong::simulate {

// The codes and times are those that an import of the FHIR resources would give.
class StoreExport {
 public:
  explicit StoreExport(StoreWriter& writer);
  void add(const Person& person);

 private:
  void add_row(const Person& person, std::optional<Time> known, std::optional<Time> occurred,
               CodeId code);
  StoreWriter& writer_;
  std::vector<CodeId> codes_, end_codes_;  // by concept
  CodeId birth_, death_, male_, female_;
};

inline constexpr std::array kFhirTypes{"Patient", "Encounter", "Condition", "Observation",
                                       "MedicationRequest"};
// NDJSON by type. Each Patient has the tag HTEST (test health data).
using FhirTexts = std::array<std::string, kFhirTypes.size()>;
void add_fhir(const Person& person, FhirTexts& texts);

// A Parquet file, one row per person and year under observation: subject_id, time, and for each
// state hazard_STATE (a year, at the beginning), cumulative_STATE and events_STATE.
class TruthExport {
 public:
  explicit TruthExport(const fs::path& file);
  ~TruthExport();
  void add(const Person& person);
  // Throws Fault::storage where the disk is full.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cangong::simulate
