// Outside identifiers and the numbers that stand for them. The map lies beside the MEDS data, never
// inside, readable by the owner alone.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/file.h"
#include "base/identifier.h"

namespace cangong {

class Identities {
 public:
  // Reads `store`/identities; makes a key where there is none. The key is kept on save().
  static Identities open(const fs::path& store);

  // The number of (system, value): an HMAC with the store's own key, so that it is stable across
  // imports and says nothing to others. Throws Fault::storage on a collision.
  PatientId number(std::string_view system, std::string_view value);
  // Joins several identifiers of one patient: all get the number of the first that is known and not
  // `taken` by another patient of the same source, else a new one. An identifier that belongs to
  // someone else stays theirs: hospitals reuse some of them.
  PatientId join(std::span<const std::pair<std::string, std::string>> identifiers,
                 const std::unordered_set<PatientId>& taken);
  // Looks up what is known already; a bare value is sought in every system.
  std::optional<PatientId> find(std::string_view system, std::string_view value) const;
  std::optional<PatientId> find_any(std::string_view value) const;
  // Everybody whom the value names in some system.
  std::set<PatientId> find_all(std::string_view value) const;
  // As number(), for those who keep what they learn elsewhere.
  PatientId expected(std::string_view system, std::string_view value) const;
  // An identifier of a patient, of this system.
  std::optional<std::string> value_of(PatientId patient, std::string_view system) const;

  bool knows(PatientId patient) const { return names_.contains(patient); }
  // All identifiers of a patient; says how many there were.
  std::size_t forget(PatientId patient);

  void save() const;
  void save_key() const;

 private:
  fs::path folder_;
  std::string key_;
  std::unordered_map<std::string, PatientId> numbers_;  // "system\tvalue", escaped
  std::unordered_map<PatientId, const std::string*> names_;
};

}  // namespace cangong
