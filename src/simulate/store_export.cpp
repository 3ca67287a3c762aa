#include "simulate/export.h"

namespace cangong::simulate {
namespace {

std::string code_of(const Concept& c) {
  const std::string own = std::string(c.system) + "//" + std::string(c.code);
  switch (c.kind) {
    case Kind::visit:
    case Kind::admission:
      return "ENCOUNTER_START//" + std::string(c.code);
    case Kind::order:
      return "MEDICATION_ORDER//" + own;
    case Kind::condition:
    case Kind::measurement:
      break;
  }
  return own;
}

}  // namespace

StoreExport::StoreExport(StoreWriter& writer)
    : writer_(writer),
      birth_(writer.codes().intern("MEDS_BIRTH")),
      death_(writer.codes().intern("MEDS_DEATH")),
      male_(writer.codes().intern("GENDER//male")),
      female_(writer.codes().intern("GENDER//female")) {
  for (const Concept& c : concepts()) {
    codes_.push_back(writer.codes().intern(code_of(c)));
    const bool stay = c.kind == Kind::visit || c.kind == Kind::admission;
    if (!stay) writer.describe(codes_.back(), c.display);
    end_codes_.push_back(stay ? writer.codes().intern("ENCOUNTER_END//" + std::string(c.code))
                              : codes_.back());
  }
  writer.describe(birth_, "birth");
  writer.describe(death_, "death");
  for (const CodeId code : {male_, female_}) writer.describe(code, "administrative gender");
}

void StoreExport::add_row(const Person& person, std::optional<Time> known,
                          std::optional<Time> occurred, CodeId code) {
  Event event;
  event.time = known;
  if (occurred != known) event.occurred = occurred;
  event.code = code;
  writer_.add(PatientId(person.number), event);
}

void StoreExport::add(const Person& person) {
  add_row(person, std::nullopt, std::nullopt, person.male ? male_ : female_);
  add_row(person, person.birth + std::chrono::days(1) - Duration(1), person.birth, birth_);
  if (person.death) add_row(person, person.death, person.death, death_);
  for (const Record& record : person.records) {
    const auto at = static_cast<std::size_t>(record.concept_of - concepts().data());
    const Kind kind = record.concept_of->kind;
    if (kind == Kind::visit || kind == Kind::admission) {
      add_row(person, record.occurred, record.occurred, codes_[at]);
      add_row(person, record.known, record.known, end_codes_[at]);
      continue;
    }
    Event event;
    event.time = record.known;
    if (record.occurred != record.known) event.occurred = record.occurred;
    event.code = codes_[at];
    event.number = record.number;
    event.unit = record.concept_of->unit;
    writer_.add(PatientId(person.number), event);
  }
}

}  // namespace cangong::simulate
