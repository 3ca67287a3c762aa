#include "engine/kept_answers.h"

#include "base/new_id.h"

namespace cangong {
namespace {

// `card`: the answer as CDS Hooks names it.
constexpr const char* kAnswerTables = R"(
CREATE TABLE IF NOT EXISTS answer(id TEXT PRIMARY KEY, card TEXT NOT NULL, model TEXT NOT NULL,
  bundle TEXT NOT NULL, patient BIGINT NOT NULL, as_of BIGINT NOT NULL, at BIGINT NOT NULL,
  value DOUBLE PRECISION, beside TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS answer_model ON answer(model, bundle, patient, as_of);
)";

}  // namespace

void prepare_kept_answers(Database& database) {
  database.script(kAnswerTables);
}

void keep_answers(Database& database, std::span<const KeptAnswer> answers) {
  for (const KeptAnswer& one : answers)
    database.run("INSERT INTO answer VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                 {one.id, uuid_of(one.id), one.model, one.bundle, one.patient.for_storage(),
                  microseconds_of(one.as_of), microseconds_of(one.at), value_or_null(one.value),
                  one.beside});
}

std::vector<KeptAnswer> answers_kept(Database& database, const std::string& model,
                                     const Digest& bundle) {
  std::vector<KeptAnswer> all;
  const auto day = [](Time time) { return std::chrono::floor<std::chrono::days>(time); };
  database.each(
      "SELECT id, patient, as_of, at, value FROM answer WHERE model = ? AND bundle = ? AND value "
      "IS NOT NULL ORDER BY patient, as_of, at",
      {model, bundle}, [&](const Row& row) {
        KeptAnswer one{std::string(row.text(0)),
                       model,
                       bundle,
                       PatientId(row.integer(1)),
                       Time(Duration(row.integer(2))),
                       Time(Duration(row.integer(3))),
                       row.real(4)};
        const bool again = !all.empty() && all.back().patient == one.patient &&
                           day(all.back().as_of) == day(one.as_of);
        if (again)
          all.back() = std::move(one);
        else
          all.push_back(std::move(one));
      });
  return all;
}

Beside compare_beside(Database& database, const std::string& model, const Digest& bundle) {
  Beside found;
  database.each(
      "SELECT count(*), avg(abs(s.value - c.value)) FROM answer s JOIN answer c ON c.id = s.beside "
      "WHERE s.model = ? AND s.bundle = ? AND s.value IS NOT NULL AND c.value IS NOT NULL",
      {model, bundle}, [&](const Row& row) {
        found.pairs = static_cast<std::uint64_t>(row.integer(0));
        if (!row.is_null(1)) found.mean_difference = row.real(1);
      });
  return found;
}

}  // namespace cangong
