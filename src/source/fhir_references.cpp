// What resources say about each other: whose they are, and what they refer to.
#include <algorithm>

#include "source/fhir_types.h"

namespace cangong::fhir {

std::vector<std::pair<std::string, std::string>> identifiers_of(const Element& patient,
                                                                std::string_view url) {
  const auto id = text_of(patient, "id");
  if (!id && url.empty()) return {};
  std::vector<std::pair<std::string, std::string>> all{
      {"fhir:Patient", std::string(id ? *id : url)}};
  each(patient, "identifier", [&](const Element& item) {
    const auto system = text_of(item, "system"), value = text_of(item, "value");
    if (system && value) all.emplace_back(*system, *value);
  });
  return all;
}

bool is_test_patient(const Element& patient) {
  bool found = false;
  if (const auto meta = child(patient, "meta"))
    each(*meta, "tag", [&](const Element& tag) { found |= text_of(tag, "code") == "HTEST"; });
  return found;
}

std::string_view subject_of(const Element& resource, const Type& type, std::string_view url,
                            std::string& made) {
  if (type.subject.empty()) {
    const auto id = text_of(resource, "id");
    return made = id ? "Patient/" + std::string(*id) : std::string(url);
  }
  const auto subject = child(resource, type.subject);
  if (!subject) return "";
  if (const auto text = text_of(*subject, "reference"))
    return text->substr(0, text->find("/_history/"));
  const auto identifier = child(*subject, "identifier");
  const auto system = identifier ? text_of(*identifier, "system") : std::nullopt;
  const auto value = identifier ? text_of(*identifier, "value") : std::nullopt;
  return made = system && value ? std::string(*system) + "|" + std::string(*value) : "";
}

void index_target(const Element& resource, const std::string& url, const Zone& zone,
                  FhirIndex& index) {
  const auto type = text_of(resource, "resourceType");
  const auto id = text_of(resource, "id");
  if (!type || (!id && url.empty())) return;
  const std::string name = id ? std::string(*type) + "/" + std::string(*id) : url;
  if (*type == "Encounter") {
    const auto period = child(resource, "period");
    const auto end = period ? moment_of(*period, "end", zone) : std::nullopt;
    if (!end) return;
    for (const std::string& reference : {name, url})
      if (!reference.empty())
        index.encounter_ends.insert(std::hash<std::string>()(reference), end->last);
  } else if (*type == "Medication") {
    if (const auto code = concept_of(resource, "code")) {
      if (!url.empty()) index.medications.emplace(url, *code);
      index.medications.emplace(name, *code);
    }
  }
}

// Models learn from what people observed, never from what models said.
bool is_of_an_ai(const Element& resource) {
  const auto meta = child(resource, "meta");
  bool found = false;
  if (meta)
    each(*meta, "security",
         [&](const Element& label) { found = found || text_of(label, "code") == "AIAST"; });
  return found;
}

void skip_what_did_not_happen(const Element& resource, const Type& type) {
  if (is_of_an_ai(resource)) throw FhirSkip{"asserted by an artificial intelligence"};
  const auto status = text_of(resource, "status");
  if (!status) return;
  if (*status == "entered-in-error") throw FhirSkip{"entered in error"};
  const auto& none = type.not_facts;
  if (std::find(none.begin(), none.end(), *status) != none.end())
    throw FhirSkip{"did not happen, or not yet (" + std::string(type.name) + ": " +
                   std::string(*status) + ")"};
}

}  // namespace cangong::fhir
