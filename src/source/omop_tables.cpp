// What a row of each table says.
#include <algorithm>
#include <array>

#include "source/omop.h"

namespace cangong::omop {
namespace {

// Eras join exposures with gaps of up to 30 days (OHDSI's persistence window): that one has ended
// is known only after such a gap.
constexpr auto kPersistence = std::chrono::days(30);

Moment require(const std::optional<Moment>& moment) {
  if (!moment) throw BadRow{"the date is missing"};
  return *moment;
}

Moment later(const Moment& moment, Duration by) {
  return {moment.first + by, moment.last + by};
}

std::string_view operator_of(std::int64_t concept_id) {
  switch (concept_id) {
    case 4171756:
      return "<";
    case 4171754:
      return "<=";
    case 4171755:
      return ">=";
    case 4172704:
      return ">";
    default:
      return "";
  }
}

// MEASUREMENT and OBSERVATION: a number, a coded value or a text under the code.
void add_value(const Row& row, Draft& draft, const Moment& when, Draft::Code code) {
  Draft::Value value;
  value.number = row.number("value_as_number");
  const auto* unit = draft.index().vocabulary.find(row.whole("unit_concept_id").value_or(0));
  value.unit = unit && unit->is_ucum ? std::string_view(unit->code)
                                     : row.text("unit_source_value").value_or("");
  value.text = operator_of(row.whole("operator_concept_id").value_or(0));
  const auto* answer = draft.index().vocabulary.find(row.whole("value_as_concept_id").value_or(0));
  if (!value.number && answer) {
    code.code += "//" + answer->code;
    code.description += ": " + answer->name;
    code.is_concept = false;
  }
  if (const auto text = row.text("value_as_string"); text && !value.number) value.text = *text;
  draft.add(when, when, "", code, value);
}

void read_person(const Row& row, Draft& draft) {
  std::string born;
  if (const auto year = row.whole("year_of_birth")) {
    const auto two = [](std::int64_t n) { return (n < 10 ? "-0" : "-") + std::to_string(n); };
    born = std::to_string(*year);
    const auto month = row.whole("month_of_birth"), day = row.whole("day_of_birth");
    if (month) born += two(*month);
    if (month && day) born += two(*day);
  }
  auto birth = row.moment("birth");
  if (!birth && !born.empty()) birth = parse_moment(born, row.zone());
  if (!birth && !born.empty()) throw BadRow{"the date of birth is no date"};
  if (birth) draft.add(*birth, *birth, "", {"MEDS_BIRTH", "birth"});
  const auto gender = row.whole("gender_concept_id").value_or(0);
  if (gender == 8507 || gender == 8532)
    draft.add_static(gender == 8507 ? "GENDER//male" : "GENDER//female", "gender");
  else if (const auto word = row.text("gender_source_value"))
    draft.add_static("GENDER//" + std::string(*word), "gender");
  for (const auto& [stem, prefix] :
       {std::pair<std::string, std::string>("race", "RACE//"), {"ethnicity", "ETHNICITY//"}}) {
    if (const auto* known =
            draft.index().vocabulary.find(row.whole(stem + "_concept_id").value_or(0)))
      draft.add_static(prefix + known->code.substr(known->code.find("//") + 2), known->name);
    else if (const auto word = row.text(stem + "_source_value"))
      draft.add_static(prefix + std::string(*word), "");
  }
}

void read_death(const Row& row, Draft& draft) {
  const Moment when = require(row.moment("death"));
  draft.add(when, when, "", {"MEDS_DEATH", "death"});
  if (row.whole("cause_concept_id").value_or(0) > 0)
    draft.add(when, when, "DEATH_CAUSE//", draft.code(row, "cause"));
}

void add_stay(const Row& row, Draft& draft, const std::string& stem, const std::string& name) {
  const Moment start = require(row.moment(stem + "_start"));
  Draft::Code kind;
  switch (row.whole(stem + "_concept_id").value_or(0)) {
    case 9201:
      kind.code = "IMP";
      break;
    case 9202:
      kind.code = "AMB";
      break;
    case 9203:
      kind.code = "EMER";
      break;
    default:
      kind = draft.code(row, stem);
  }
  draft.add(start, start, name + "_START//", kind);
  const auto end = row.moment(stem + "_end");
  if (!end) return;
  for (const char* column : {"discharged_to_concept_id", "discharge_to_concept_id"})
    if (const auto* to = draft.index().vocabulary.find(row.whole(column).value_or(0)))
      kind.code += "//" + to->code, kind.is_concept = false;
  draft.add(*end, *end, name + "_END//", kind);
}

void read_visit(const Row& row, Draft& draft) {
  add_stay(row, draft, "visit", "ENCOUNTER");
}

void read_visit_detail(const Row& row, Draft& draft) {
  add_stay(row, draft, "visit_detail", "ENCOUNTER_PART");
}

// A diagnosis of a visit is coded when the visit ends; without one, on its day.
void read_condition(const Row& row, Draft& draft) {
  const Moment start = require(row.moment("condition_start"));
  const Time* visit_end =
      draft.index().visit_ends.find(key_of(row.whole("visit_occurrence_id").value_or(0)));
  Moment known = start;
  if (visit_end) known.last = std::max(known.last, *visit_end);
  const auto code = draft.code(row, "condition");
  draft.add(known, start, "", code);
  if (auto end = row.moment("condition_end")) {
    end->last = std::max(end->last, known.last);
    draft.add(*end, *end, "CONDITION_END//", code);
  }
}

void read_drug(const Row& row, Draft& draft) {
  const Moment start = require(row.moment("drug_exposure_start"));
  const auto code = draft.code(row, "drug");
  Draft::Value value;
  if (const auto quantity = row.number("quantity"); quantity && *quantity > 0)
    value.number = quantity;
  const bool vaccine = code.code.starts_with("CVX//");
  switch (row.whole("drug_type_concept_id").value_or(0)) {
    case 38000177:
    case 32838:
      return draft.add(start, start, "MEDICATION_ORDER//", code, value);
    case 38000175:
    case 38000176:
    case 32825:
    case 32869:
      return draft.add(start, start, "MEDICATION_DISPENSED//", code, value);
    case 38000180:
    case 43542358:
    case 32818:
      return draft.add(start, start, "MEDICATION_GIVEN//", code, value);
    default:
      return draft.add(start, start, vaccine ? "" : "MEDICATION//", code, value);
  }
}

void read_procedure(const Row& row, Draft& draft) {
  const Moment start = require(row.moment("procedure"));
  draft.add(row.moment("procedure_end").value_or(start), start, "", draft.code(row, "procedure"));
}

void read_device(const Row& row, Draft& draft) {
  const Moment start = require(row.moment("device_exposure_start"));
  draft.add(start, start, "DEVICE//", draft.code(row, "device"));
}

void read_measurement(const Row& row, Draft& draft) {
  add_value(row, draft, require(row.moment("measurement")), draft.code(row, "measurement"));
}

void read_observation(const Row& row, Draft& draft) {
  add_value(row, draft, require(row.moment("observation")), draft.code(row, "observation"));
}

void read_specimen(const Row& row, Draft& draft) {
  const Moment when = require(row.moment("specimen"));
  draft.add(when, when, "SPECIMEN//", draft.code(row, "specimen"),
            {row.number("quantity"), row.text("unit_source_value").value_or(""), ""});
}

void read_note(const Row& row, Draft& draft) {
  const Moment when = require(row.moment("note"));
  Draft::Code code{"UNKNOWN", std::string(row.text("note_title").value_or(""))};
  if (const auto* kind =
          draft.index().vocabulary.find(row.whole("note_class_concept_id").value_or(0)))
    code = {kind->code, kind->name, true};
  draft.add(when, when, "NOTE//", code, {std::nullopt, "", row.text("note_text").value_or("")});
}

void add_era(const Row& row, Draft& draft, const std::string& stem, const std::string& name) {
  const Moment start = require(row.moment(stem + "_era_start"));
  const Moment end = require(row.moment(stem + "_era_end"));
  const auto code = draft.code(row, stem);
  draft.add(start, start, name + "_START//", code);
  draft.add(later(end, kPersistence), end, name + "_END//", code);
}

void read_drug_era(const Row& row, Draft& draft) {
  add_era(row, draft, "drug", "DRUG_ERA");
}

void read_condition_era(const Row& row, Draft& draft) {
  add_era(row, draft, "condition", "CONDITION_ERA");
}

void read_observation_period(const Row& row, Draft& draft) {
  const Moment start = require(row.moment("observation_period_start"));
  const Moment end = require(row.moment("observation_period_end"));
  draft.add(start, start, "", {"OBSERVATION_PERIOD_START", ""});
  draft.add(end, end, "", {"OBSERVATION_PERIOD_END", ""});
}

// A new table is one function and one line here.
constexpr std::array kTables{
    TableKind{"person", "person_id", read_person},
    TableKind{"death", "", read_death},
    TableKind{"observation_period", "", read_observation_period},
    TableKind{"visit_occurrence", "", read_visit},
    TableKind{"visit_detail", "", read_visit_detail},
    TableKind{"condition_occurrence", "", read_condition},
    TableKind{"drug_exposure", "", read_drug},
    TableKind{"procedure_occurrence", "", read_procedure},
    TableKind{"device_exposure", "", read_device},
    TableKind{"measurement", "", read_measurement},
    TableKind{"observation", "", read_observation},
    TableKind{"specimen", "", read_specimen},
    TableKind{"note", "", read_note},
    TableKind{"drug_era", "", read_drug_era},
    TableKind{"condition_era", "", read_condition_era},
};

}  // namespace

const TableKind* table_named(std::string_view name) {
  const auto found = std::find_if(kTables.begin(), kTables.end(),
                                  [&](const TableKind& kind) { return kind.name == name; });
  return found == kTables.end() ? nullptr : &*found;
}

}  // namespace cangong::omop
