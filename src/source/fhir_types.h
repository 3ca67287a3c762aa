// The table of resource types. Included by the fhir_*.cpp files only.
#pragma once

#include <array>

#include "source/fhir_element.h"

namespace cangong::fhir {

struct Type {
  std::string_view name;
  std::string_view subject;  // the key of the reference to the patient
  void (*read)(const Element& resource, FhirDraft& draft);
  std::array<std::string_view, 4> not_facts{};  // statuses of what did not, or not yet, happen
};

// Nothing where resources of this type are left out on purpose.
const Type* type_named(std::string_view name);
std::vector<std::string> type_names();

// A patient's (system, value) pairs: their own id ("fhir:Patient"), or full URL, then the others.
// Empty where there is neither.
std::vector<std::pair<std::string, std::string>> identifiers_of(const Element& patient,
                                                                std::string_view url);
// The hospital says that the patient does not exist (HTEST).
bool is_test_patient(const Element& patient);
// What names the patient: the resource itself, a reference, or an identifier ("system|value").
// What is put together for it lies in `made`.
std::string_view subject_of(const Element& resource, const Type& type, std::string_view url,
                            std::string& made);
// Keeps what other resources refer to: an encounter's end, a medication's code.
void index_target(const Element& resource, const std::string& url, const Zone& zone,
                  FhirIndex& index);
// Throws FhirSkip where the status says so.
void skip_what_did_not_happen(const Element& resource, const Type& type);
// The end of the encounter that a resource names.
std::optional<Time> encounter_end(const Element& resource, const FhirDraft& draft);

void read_patient(const Element& resource, FhirDraft& draft);
void read_encounter(const Element& resource, FhirDraft& draft);
void read_condition(const Element& resource, FhirDraft& draft);
void read_observation(const Element& resource, FhirDraft& draft);
void read_medication_request(const Element& resource, FhirDraft& draft);
void read_medication_administration(const Element& resource, FhirDraft& draft);
void read_medication_statement(const Element& resource, FhirDraft& draft);
void read_procedure(const Element& resource, FhirDraft& draft);
void read_diagnostic_report(const Element& resource, FhirDraft& draft);
void read_immunization(const Element& resource, FhirDraft& draft);
void read_allergy(const Element& resource, FhirDraft& draft);
void read_questionnaire_response(const Element& resource, FhirDraft& draft);
void read_family_history(const Element& resource, FhirDraft& draft);
void read_document(const Element& resource, FhirDraft& draft);
void read_claim(const Element& resource, FhirDraft& draft);
void read_benefit(const Element& resource, FhirDraft& draft);

}  // namespace cangong::fhir
