#include "serve/prefetch.h"

#include <array>
#include <map>
#include <set>

#include "base/text.h"
#include "source/fhir_record.h"

namespace cangong {
namespace {

constexpr std::size_t kMostCodes = 50;  // in one query

struct Family {
  std::string_view prefix;  // of our codes
  const char *key, *type, *parameter;
};

// By docs/fhir.md; the first that fits.
constexpr std::array kFamilies{
    Family{"MEDICATION_ORDER//", "orders", "MedicationRequest", "code"},
    Family{"MEDICATION_GIVEN//", "given", "MedicationAdministration", "code"},
    Family{"MEDICATION_STATED//", "statements", "MedicationStatement", "code"},
    Family{"ENCOUNTER_", "encounters", "Encounter", ""},
    Family{"REPORT", "reports", "DiagnosticReport", ""},
    Family{"ALLERGY//", "allergies", "AllergyIntolerance", ""},
    Family{"SURVEY//", "answers", "QuestionnaireResponse", ""},
    Family{"FAMILY_HISTORY//", "family", "FamilyMemberHistory", ""},
    Family{"NOTE//", "notes", "DocumentReference", ""},
    Family{"CVX//", "immunizations", "Immunization", ""},
    Family{"CONDITION_END//", "conditions", "Condition", ""},
    Family{"ICD10CM//", "conditions", "Condition", "code"},
    Family{"ICD10//", "conditions", "Condition", "code"},
    Family{"ICD9CM//", "conditions", "Condition", "code"},
    Family{"LOINC//", "observations", "Observation", "code"},
    Family{"SNOMED//", "conditions", "Condition", "code"},
    Family{"CPT//", "procedures", "Procedure", "code"},
    Family{"HCPCS//", "procedures", "Procedure", "code"},
};

struct Query {
  std::string type;
  std::set<std::string> codes;
  bool all = false;
};

}  // namespace

std::optional<std::pair<std::string, std::string>> coding_of(std::string_view code) {
  const auto parts = split(code, '/');  // "LOINC", "", "2160-0", ...
  if (parts.size() < 3) return std::nullopt;
  auto url = fhir_system_url(parts[0]);
  if (!url) return std::nullopt;
  return std::pair(std::move(*url), std::string(parts[2]));
}

std::string resource_type_of(std::string_view code) {
  for (const Family& family : kFamilies)
    if (code.starts_with(family.prefix)) return family.type;
  return "Observation";
}

std::vector<std::pair<std::string, std::string>> prefetch_of(const Pipeline& pipeline) {
  std::map<std::string, Query> queries;
  if (pipeline.encoder->state())  // it reads everything
    for (const Family& family : kFamilies) queries[family.key] = {family.type, {}, true};
  const auto& columns = pipeline.encoder->columns();
  for (std::size_t j = 0; j < columns.size(); ++j) {
    if (j < pipeline.ranges.size() && pipeline.ranges[j].importance <= 0) continue;
    for (const Family& family : kFamilies) {
      std::string_view code = columns[j].code;
      if (!code.starts_with(family.prefix)) continue;
      Query& query = queries[family.key];
      query.type = family.type;
      if (code.starts_with("MEDICATION_")) code.remove_prefix(family.prefix.size());
      const auto wanted = *family.parameter ? coding_of(code) : std::nullopt;
      // A drug's code stands under several names in R4: all orders are asked for.
      if (wanted && query.type != "MedicationRequest" && query.type != "MedicationAdministration")
        query.codes.insert(wanted->first + "|" + wanted->second);
      else
        query.all = true;
      break;
    }
  }
  std::vector<std::pair<std::string, std::string>> all{
      {"patient", "Patient/{{context.patientId}}"}};
  for (const auto& [key, query] : queries) {
    std::string text = query.type + "?patient={{context.patientId}}";
    if (!query.all && query.codes.size() <= kMostCodes)
      text +=
          "&code=" + join(std::vector<std::string>(query.codes.begin(), query.codes.end()), ",");
    all.emplace_back(key, text);
  }
  return all;
}

}  // namespace cangong
