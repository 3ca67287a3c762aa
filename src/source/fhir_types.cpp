#include "source/fhir_types.h"

#include <algorithm>

namespace cangong {

FhirTimes FhirDraft::known(FhirTimes times) const {
  if (!times.known) times.known = arrived_;
  if (!times.known) throw FhirReject{"nothing says when it became known"};
  if (times.occurred) times.known = std::max(*times.known, *times.occurred);
  return times;
}

void FhirDraft::begin(PatientId patient) {
  patient_ = patient;
  facts_.clear();
  remarks_.clear();
  used_ = 0;
  parents_.clear();
}

// Strings of earlier resources are used again, with the memory that they have.
std::string& FhirDraft::fresh_text() {
  if (used_ == texts_.size()) texts_.emplace_back();
  std::string& text = texts_[used_++];
  text.clear();
  return text;
}

std::string_view FhirDraft::keep(std::string_view text) {
  return fresh_text().append(text);
}

void FhirDraft::add(const FhirTimes& times, std::string_view code, std::string_view description,
                    const Value& value) {
  add(times, "", code, description, value);
}

void FhirDraft::add(const FhirTimes& times, std::string_view prefix, std::string_view code,
                    std::string_view description, const Value& value) {
  Fact& fact = facts_.emplace_back();
  fact.patient = patient_;
  fact.time = times.known;
  if (times.occurred != times.known) fact.occurred = times.occurred;
  fact.code = fresh_text().append(prefix).append(code);
  fact.description = keep(description);
  fact.number = value.number;
  fact.unit = value.unit;  // texts of the parsed resource outlive the draft's use
  fact.text = value.text;
}

void FhirDraft::add(const FhirTimes& times, std::string_view prefix, const Code& code,
                    const Value& value) {
  add(times, prefix, code.code, code.description, value);
  if (code.others.empty()) return;
  auto& parents = parents_.emplace_back(code.others);
  for (std::string& parent : parents) parent.insert(0, prefix);
  facts_.back().parents = parents;
}

void FhirDraft::add_static(std::string_view code, std::string_view description) {
  Fact fact;
  fact.patient = patient_;
  fact.code = keep(code);
  fact.description = keep(description);
  facts_.push_back(fact);
}

std::optional<Time> FhirDraft::encounter_end(std::string_view reference) const {
  const Time* end = index_.encounter_ends.find(std::hash<std::string_view>()(reference));
  return end ? std::optional(*end) : std::nullopt;
}

namespace fhir {
namespace {

// A new resource type is one function and one line here.
constexpr std::array kTypes{
    Type{"Patient", "", read_patient},
    Type{"Encounter", "subject", read_encounter, {"planned", "cancelled"}},
    Type{"Condition", "subject", read_condition},
    Type{"Observation", "subject", read_observation, {"registered", "cancelled"}},
    Type{"MedicationRequest", "subject", read_medication_request, {"draft", "cancelled"}},
    Type{"MedicationAdministration", "subject", read_medication_administration},
    Type{"MedicationStatement", "subject", read_medication_statement, {"intended"}},
    Type{"Procedure", "subject", read_procedure, {"preparation"}},
    Type{"DiagnosticReport", "subject", read_diagnostic_report, {"registered", "cancelled"}},
    Type{"Immunization", "patient", read_immunization},
    Type{"AllergyIntolerance", "patient", read_allergy},
    Type{"QuestionnaireResponse", "subject", read_questionnaire_response},
    Type{"FamilyMemberHistory", "patient", read_family_history},
    Type{"DocumentReference", "subject", read_document},
    Type{"Claim", "patient", read_claim, {"draft", "cancelled"}},
    Type{"ExplanationOfBenefit", "patient", read_benefit, {"draft", "cancelled"}},
};

}  // namespace

std::vector<std::string> type_names() {
  std::vector<std::string> names;
  for (const Type& type : kTypes) names.emplace_back(type.name);
  return names;
}

const Type* type_named(std::string_view name) {
  for (const Type& type : kTypes)
    if (type.name == name) return &type;
  return nullptr;
}

std::optional<Time> encounter_end(const Element& resource, const FhirDraft& draft) {
  const auto encounter = child(resource, "encounter");
  const auto reference = encounter ? text_of(*encounter, "reference") : std::nullopt;
  return reference ? draft.encounter_end(*reference) : std::nullopt;
}

}  // namespace fhir
}  // namespace cangong
