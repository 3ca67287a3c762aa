// FHIR R4 resources -> facts. One function per resource type, listed in fhir_types.cpp.
// Which resource becomes which event, and when it is known: docs/fhir.md.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/flat_map.h"
#include "base/time.h"
#include "source/sink.h"

namespace cangong {

// A code, what it means, and the other codings of the same concept.
struct Code {
  std::string code, description;
  std::vector<std::string> others;
};

// Looks texts up without making strings of them.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};
template <class Value>
using ByText = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

// What resources refer to, gathered in a first pass.
struct FhirIndex {
  ByText<PatientId> patients;    // by "Patient/ID", full URL and "system|value"
  FlatMap<Time> encounter_ends;  // by the hash of "Encounter/ID"
  ByText<Code> medications;      // "Medication/ID"
};

// When something became known, and when it happened.
struct FhirTimes {
  std::optional<Time> known, occurred;
};

// The facts of one resource in the making.
class FhirDraft {
 public:
  FhirDraft(const FhirIndex& index, const Zone& zone) : index_(index), zone_(zone) {}
  void begin(PatientId patient);

  struct Value {
    std::optional<double> number;
    std::string_view unit, text;
  };
  // Texts are copied. `prefix` stands before the code and before its other codings, which become
  // parents of it.
  void add(const FhirTimes& times, std::string_view prefix, const Code& code,
           const Value& value = {});
  void add(const FhirTimes& times, std::string_view code, std::string_view description,
           const Value& value = {});
  void add_static(std::string_view code, std::string_view description);
  // What the user should know that the resource said and no event holds.
  void remark(std::string what) { remarks_.push_back(std::move(what)); }
  const std::vector<std::string>& remarks() const { return remarks_; }
  // Keeps a text alive until the next begin().
  std::string_view keep(std::string_view text);

  // Where nothing says when a fact became known, it is when the resource arrived, if that is known;
  // else the resource is rejected. None is known before it happened.
  FhirTimes known(FhirTimes times) const;
  void arrived(Time when) { arrived_ = when; }

  const FhirIndex& index() const { return index_; }
  const Zone& zone() const { return zone_; }
  std::span<const Fact> facts() const { return facts_; }
  std::optional<Time> encounter_end(std::string_view reference) const;

 private:
  std::string& fresh_text();
  void add(const FhirTimes& times, std::string_view prefix, std::string_view code,
           std::string_view description, const Value& value);

  const FhirIndex& index_;
  const Zone& zone_;
  PatientId patient_;
  std::optional<Time> arrived_;
  std::vector<Fact> facts_;
  std::vector<std::string> remarks_;
  std::deque<std::string> texts_;
  std::size_t used_ = 0;  // of them, in this resource
  std::deque<std::vector<std::string>> parents_;
};

// A resource that cannot be used, with the reason; thrown by the readers below.
struct FhirReject {
  std::string why;
};
// A resource that is left out on purpose.
struct FhirSkip {
  std::string why;
};

}  // namespace cangong
