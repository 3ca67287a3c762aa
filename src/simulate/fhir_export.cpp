#include <nlohmann/json.hpp>

#include "base/text.h"
#include "simulate/export.h"

namespace cangong::simulate {
namespace {

using Json = nlohmann::ordered_json;

enum Type { kPatient, kEncounter, kCondition, kObservation, kMedicationRequest };

void add_line(const Json& resource, std::string& text) {
  text += resource.dump();
  text += '\n';
}

Json patient_of(const Person& person) {
  const Json tag{{"system", "http://terminology.hl7.org/CodeSystem/v3-ActReason"},
                 {"code", "HTEST"},
                 {"display", "test health data"}};
  Json patient{{"resourceType", "Patient"},
               {"id", "s" + std::to_string(person.number)},
               {"meta", {{"tag", Json::array({tag})}}},
               {"gender", person.male ? "male" : "female"},
               {"birthDate", format_time(person.birth).substr(0, 10)}};
  if (person.death) patient["deceasedDateTime"] = format_time(*person.death);
  return patient;
}

// What all resources of a person have in common.
Json resource_of(Type type, const Person& person, std::size_t index, const char* status) {
  Json json{{"resourceType", kFhirTypes[type]},
            {"id", "s" + std::to_string(person.number) + "-" + std::to_string(index)}};
  if (status) json["status"] = status;
  return json;
}

Json concept_json(const Concept& c) {
  return {{"coding", Json::array({{{"system", c.url}, {"code", c.code}, {"display", c.display}}})},
          {"text", c.display}};
}

void add_record(const Person& person, std::size_t index, FhirTexts& texts) {
  const Record& record = person.records[index];
  const Concept& c = *record.concept_of;
  const Json subject{{"reference", "Patient/s" + std::to_string(person.number)}};
  switch (c.kind) {
    case Kind::visit:
    case Kind::admission: {
      Json json = resource_of(kEncounter, person, index, "finished");
      json["class"] = {{"system", "http://terminology.hl7.org/CodeSystem/v3-ActCode"},
                       {"code", c.code},
                       {"display", c.display}};
      json["subject"] = subject;
      json["period"] = {{"start", format_time(record.occurred)},
                        {"end", format_time(record.known)}};
      return add_line(json, texts[kEncounter]);
    }
    case Kind::condition: {
      Json json = resource_of(kCondition, person, index, nullptr);
      json["code"] = concept_json(c);
      json["subject"] = subject;
      json["onsetDateTime"] = format_time(record.occurred);
      json["recordedDate"] = format_time(record.known);
      return add_line(json, texts[kCondition]);
    }
    case Kind::measurement: {
      Json json = resource_of(kObservation, person, index, "final");
      json["code"] = concept_json(c);
      json["subject"] = subject;
      json["effectiveDateTime"] = format_time(record.occurred);
      json["issued"] = format_time(record.known);
      json["valueQuantity"] = {{"value", Json::parse(format_number(*record.number))},
                               {"unit", c.unit},
                               {"system", "http://unitsofmeasure.org"},
                               {"code", c.unit}};
      return add_line(json, texts[kObservation]);
    }
    case Kind::order:
      break;
  }
  Json json = resource_of(kMedicationRequest, person, index, "active");
  json["intent"] = "order";
  json["medicationCodeableConcept"] = concept_json(c);
  json["subject"] = subject;
  json["authoredOn"] = format_time(record.known);
  add_line(json, texts[kMedicationRequest]);
}

}  // namespace

void add_fhir(const Person& person, FhirTexts& texts) {
  add_line(patient_of(person), texts[kPatient]);
  for (std::size_t i = 0; i < person.records.size(); ++i) add_record(person, i, texts);
}

}  // namespace cangong::simulate
