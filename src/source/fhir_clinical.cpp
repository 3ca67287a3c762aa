// What was found, thought, ordered, given and done.
#include "source/fhir_types.h"

namespace cangong::fhir {
namespace {

Code require_code(const Element& resource, std::string_view key) {
  auto code = concept_of(resource, key);
  if (!code) throw FhirReject{"no code"};
  return std::move(*code);
}

// issued, else the end of effective; the clinical moment is the beginning of effective.
FhirTimes result_times(const Element& resource, const FhirDraft& draft) {
  const Span effective = span_of(resource, "effective", draft.zone());
  FhirTimes times{effective.end, effective.begin};
  if (const auto issued = moment_of(resource, "issued", draft.zone())) times.known = issued->last;
  return draft.known(times);
}

// recordedDate, else the encounter's end; the clinical moment is the onset.
FhirTimes record_times(const Element& resource, const FhirDraft& draft) {
  FhirTimes times{std::nullopt, span_of(resource, "onset", draft.zone()).begin};
  if (const auto recorded = moment_of(resource, "recordedDate", draft.zone()))
    times.known = recorded->last;
  else
    times.known = encounter_end(resource, draft);
  return draft.known(times);
}

// medicationCodeableConcept, or what medicationReference names (in the export or contained).
Code medication(const Element& resource, const FhirDraft& draft) {
  if (auto code = concept_of(resource, "medicationCodeableConcept")) return std::move(*code);
  const auto reference = child(resource, "medicationReference");
  const auto name = reference ? text_of(*reference, "reference") : std::nullopt;
  if (!name) throw FhirReject{"no medication"};
  if (name->starts_with('#')) {
    std::optional<Code> found;
    each(resource, "contained", [&](const Element& inner) {
      if (text_of(inner, "id") == name->substr(1)) found = concept_of(inner, "code");
    });
    if (found) return std::move(*found);
  }
  const auto known = draft.index().medications.find(*name);
  if (known == draft.index().medications.end())
    throw FhirReject{"refers to a medication that is not in the export"};
  return known->second;
}

FhirTimes end_of(const FhirDraft& draft, const Span& span) {
  return draft.known({span.end, span.begin});
}

// Conditions and allergies have their status here.
void refuse_unverified(const Element& resource) {
  if (has_code(resource, "verificationStatus", "entered-in-error"))
    throw FhirSkip{"entered in error"};
  if (has_code(resource, "verificationStatus", "refuted"))
    throw FhirSkip{"a refuted condition or allergy"};
}

bool is_refused(const Element& resource) {
  const auto status = text_of(resource, "status");
  return status == "not-done" || status == "not-taken";
}

}  // namespace

void read_condition(const Element& resource, FhirDraft& draft) {
  const Code code = require_code(resource, "code");
  refuse_unverified(resource);
  const FhirTimes times = record_times(resource, draft);
  draft.add(times, "", code);
  const Span abated = span_of(resource, "abatement", draft.zone());
  if (!abated.end) return;
  // That it ended cannot be known before the condition itself is.
  const Time known = std::max(*abated.end, *times.known);
  Code end = code;
  if (!end.description.empty()) end.description += ": ended";
  draft.add({known, abated.begin}, "CONDITION_END//", end);
}

void read_observation(const Element& resource, FhirDraft& draft) {
  const FhirTimes times = result_times(resource, draft);
  const Code code = require_code(resource, "code");
  bool components = false;
  each(resource, "component", [&](const Element& component) {
    components = true;
    add_value(draft, component, times, require_code(component, "code"));
  });
  if (!components || choice_of(resource, "value") || child(resource, "dataAbsentReason"))
    add_value(draft, resource, times, code);
}

void read_medication_request(const Element& resource, FhirDraft& draft) {
  bool forbidden = false;
  if (const auto flag = child(resource, "doNotPerform"))
    if (flag->get_bool().get(forbidden)) throw FhirReject{"doNotPerform is not true or false"};
  if (forbidden) throw FhirSkip{"a request not to give"};
  const auto intent = text_of(resource, "intent").value_or("order");
  if (intent == "proposal" || intent == "plan" || intent == "option")
    throw FhirSkip{"a medication that was thought of, not ordered"};
  const Code code = medication(resource, draft);
  FhirTimes times;
  if (const auto authored = moment_of(resource, "authoredOn", draft.zone()))
    times.known = authored->last, times.occurred = authored->first;
  draft.add(draft.known(times), "MEDICATION_ORDER//", code);
}

void read_medication_administration(const Element& resource, FhirDraft& draft) {
  const Code code = medication(resource, draft);
  const FhirTimes times = end_of(draft, span_of(resource, "effective", draft.zone()));
  FhirDraft::Value value;
  if (const auto dosage = child(resource, "dosage"))
    if (const auto dose = child(*dosage, "dose")) {
      value.number = number_of(*dose, "value");
      value.unit = unit_of(*dose);
    }
  const char* prefix = is_refused(resource) ? "MEDICATION_NOT_GIVEN//" : "MEDICATION_GIVEN//";
  draft.add(times, prefix, code, value);
}

void read_medication_statement(const Element& resource, FhirDraft& draft) {
  const Code code = medication(resource, draft);
  const Span effective = span_of(resource, "effective", draft.zone());
  FhirTimes times{effective.end, effective.begin};
  if (const auto asserted = moment_of(resource, "dateAsserted", draft.zone()))
    times.known = asserted->last;
  const char* prefix = is_refused(resource) ? "MEDICATION_NOT_TAKEN//" : "MEDICATION_STATED//";
  draft.add(draft.known(times), prefix, code);
}

void read_procedure(const Element& resource, FhirDraft& draft) {
  const Code code = require_code(resource, "code");
  const FhirTimes times = end_of(draft, span_of(resource, "performed", draft.zone()));
  draft.add(times, is_refused(resource) ? "NOT_DONE//" : "", code);
}

void read_diagnostic_report(const Element& resource, FhirDraft& draft) {
  const Code code = require_code(resource, "code");
  const FhirTimes times = result_times(resource, draft);
  const auto conclusion = text_of(resource, "conclusion");
  draft.add(times, "REPORT//", code, {std::nullopt, "", conclusion.value_or("")});
  each(resource, "conclusionCode", [&](const Element& found) {
    if (const auto concluded = concept_of(found)) draft.add(times, "REPORT_FINDING//", *concluded);
  });
}

void read_immunization(const Element& resource, FhirDraft& draft) {
  const Code code = require_code(resource, "vaccineCode");
  const Span given = span_of(resource, "occurrence", draft.zone());
  FhirTimes times{given.end, given.begin};
  if (const auto recorded = moment_of(resource, "recorded", draft.zone()))
    times.known = recorded->last;
  draft.add(draft.known(times), is_refused(resource) ? "NOT_DONE//" : "", code);
}

void read_allergy(const Element& resource, FhirDraft& draft) {
  const Code code = require_code(resource, "code");
  refuse_unverified(resource);
  draft.add(record_times(resource, draft), "ALLERGY//", code);
}

}  // namespace cangong::fhir
