#include "engine/risks.h"

#include <algorithm>
#include <cmath>

namespace cangong {
namespace {

constexpr const char* kRiskTables = R"(
CREATE TABLE IF NOT EXISTS risk(model TEXT NOT NULL, bundle TEXT NOT NULL, patient BIGINT NOT NULL,
  value DOUBLE PRECISION, low DOUBLE PRECISION, high DOUBLE PRECISION, as_of BIGINT NOT NULL,
  job TEXT NOT NULL, PRIMARY KEY(model, patient));
CREATE INDEX IF NOT EXISTS risk_value ON risk(model, bundle, value DESC);
)";

}  // namespace

void prepare_risks(Database& db) {
  db.script(kRiskTables);
}

RiskList risks(Hospital& hospital, const RiskQuery& query) {
  RiskList list;
  const auto risk_of = [](const Row& row) {
    const auto number = [&](int column) {
      return row.is_null(column) ? std::nullopt : std::optional(row.real(column));
    };
    return Risk{PatientId(row.integer(0)), number(1), number(2), number(3),
                time_at(row.integer(4))};
  };
  const std::string what =
      "SELECT patient, value, low, high, as_of FROM risk WHERE model = ? AND bundle = ?";
  hospital.live().read([&](Database& db) {
    if (query.among) {  // a care team's: few
      for (const PatientId patient : *query.among)
        db.each(what + " AND patient = ?", {query.model, query.bundle, patient.for_storage()},
                [&](const Row& row) { list.risks.push_back(risk_of(row)); });
      return;
    }
    list.total = static_cast<std::uint64_t>(
        db.integer("SELECT count(*) FROM risk WHERE model = ? AND bundle = ?",
                   {query.model, query.bundle})
            .value_or(0));
    db.each(what + " ORDER BY value DESC NULLS LAST, patient LIMIT ? OFFSET ?",
            {query.model, query.bundle, static_cast<std::int64_t>(query.most),
             static_cast<std::int64_t>(query.skip)},
            [&](const Row& row) { list.risks.push_back(risk_of(row)); });
  });
  if (!query.among) return list;
  std::stable_sort(list.risks.begin(), list.risks.end(), [](const Risk& a, const Risk& b) {
    return a.value.value_or(-INFINITY) > b.value.value_or(-INFINITY);
  });
  list.total = list.risks.size();
  const auto first = std::min(query.skip, list.risks.size());
  list.risks.erase(list.risks.begin(), list.risks.begin() + static_cast<std::ptrdiff_t>(first));
  if (list.risks.size() > query.most) list.risks.resize(query.most, Risk{});
  return list;
}

Unscored unscored(Hospital& hospital, const RiskQuery& query) {
  Unscored found;
  const std::string of =
      " FROM resource r WHERE r.type = 'Patient' AND r.latest = 1 AND r.deleted = 0 AND NOT EXISTS "
      "(SELECT 1 FROM risk k WHERE k.model = ? AND k.bundle = ? AND k.patient = r.patient)";
  hospital.live().read([&](Database& db) {
    found.total = static_cast<std::uint64_t>(
        db.integer("SELECT count(*)" + of, {query.model, query.bundle}).value_or(0));
    db.each("SELECT r.patient" + of + " ORDER BY r.updated DESC, r.number DESC LIMIT ? OFFSET ?",
            {query.model, query.bundle, static_cast<std::int64_t>(query.most),
             static_cast<std::int64_t>(query.skip)},
            [&](const Row& row) { found.patients.emplace_back(row.integer(0)); });
  });
  return found;
}

}  // namespace cangong
