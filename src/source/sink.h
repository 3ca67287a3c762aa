// Where importers hand over what they read. It counts every row: accepted, rejected or skipped.
#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "timeline/identities.h"
#include "timeline/store_writer.h"

namespace cangong {

// A place in the input, for messages: never the content.
struct Where {
  std::string_view file;
  std::uint64_t line = 0;
};

// One event as its source states it. `code` and `unit` are texts; the unit may be of any spelling.
struct Fact {
  PatientId patient;
  std::optional<Time> time;  // none only for codes that may be static
  std::optional<Time> occurred;
  std::string_view code;
  std::optional<double> number;
  std::string_view unit, text;
  std::string_view description;          // of the code
  std::span<const std::string> parents;  // further codes that mean the same or more
  bool declared_static = false;          // the mapping says so
};

struct Tally {
  std::uint64_t rows = 0, accepted = 0, rejected = 0, skipped = 0, events = 0;
  std::uint64_t codes = 0;  // rows that describe codes
  std::uint64_t subjects = 0;
  std::map<std::string, std::uint64_t> reasons;  // of rejecting and skipping
  std::vector<std::string> unread;               // files that are of no use to the importer
};

class Sink {
 public:
  // Rejects go to `rejects`, one JSON object a line.
  Sink(StoreWriter& writer, Identities& identities, const fs::path& rejects);

  PatientId patient(std::string_view system, std::string_view value) {
    return identities_.number(system, value);
  }

  // The number of a patient who has several identifiers (system, value), the first one its own.
  // Patients of one import are never joined with each other, only with those of earlier ones.
  PatientId patient_of(std::span<const std::pair<std::string, std::string>> identifiers) {
    const PatientId patient = identities_.join(identifiers, taken_);
    taken_.insert(patient);
    return patient;
  }

  // One row in, whole: if a fact of it cannot be kept, the row is rejected and none is.
  // True if it was kept.
  bool accept(const Where& where, std::span<const Fact> facts);
  void reject(const Where& where, const std::string& why);
  // A row that describes a code, not a patient.
  void accept_code(const CodeInfo& info);
  // Something that the user should know of; counted among the reasons.
  void remark(const std::string& what);
  // A row that the import leaves out on purpose.
  void skip(const std::string& why);
  // A file below the path that the importer does not read.
  void pass_over(const fs::path& file) { tally_.unread.push_back(file.string()); }

  // The source's own parser has found its texts to be UTF-8: they are not looked at again.
  void trust_texts() { check_texts_ = false; }
  StoreWriter& writer() { return writer_; }
  const Tally& tally() const { return tally_; }
  void finish();

 private:
  std::optional<std::string> objection(const Fact& fact) const;
  void describe(CodeId code, const Fact& fact);

  StoreWriter& writer_;
  Identities& identities_;
  std::ofstream rejects_;
  fs::path rejects_path_;
  Tally tally_;
  bool check_texts_ = true;
  std::unordered_set<PatientId> taken_;
  std::vector<bool> described_;                    // by code
  std::unordered_set<std::size_t> known_parents_;  // (code, parent)
};

// Why a fact cannot stand on a timeline, if so. Texts are taken to be UTF-8.
std::optional<std::string> objection_to(const Fact& fact);

// Codes that may stand without a time (MEDS static measurements): sex, birth, race, genome, ...
bool may_be_static(std::string_view code);

}  // namespace cangong
