#include "timeline/live_record.h"

#include <algorithm>
#include <list>

#include "base/database_copy.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/new_id.h"
#include "base/text.h"

namespace cangong {
namespace {

constexpr std::int64_t kSchema = 2;

constexpr const char* kRecordTables = R"(
CREATE TABLE IF NOT EXISTS schema_version(version BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS resource(number INTEGER PRIMARY KEY, type TEXT NOT NULL,
  id TEXT NOT NULL, version BIGINT NOT NULL, updated BIGINT NOT NULL, patient BIGINT, date BIGINT,
  deleted INT NOT NULL, latest INT NOT NULL, digest TEXT NOT NULL, body TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS resource_version ON resource(type, id, version);
CREATE INDEX IF NOT EXISTS resource_patient ON resource(patient, type, date) WHERE latest = 1;
CREATE TABLE IF NOT EXISTS term(type TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL,
  resource BIGINT NOT NULL);
CREATE INDEX IF NOT EXISTS term_text ON term(type, kind, text);
CREATE INDEX IF NOT EXISTS term_resource ON term(resource);
CREATE TABLE IF NOT EXISTS code(number INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS event(patient BIGINT NOT NULL, time BIGINT, occurred BIGINT,
  code BIGINT NOT NULL, number DOUBLE PRECISION, unit TEXT, text TEXT, resource BIGINT NOT NULL,
  since BIGINT, replaced BIGINT, description TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS event_patient ON event(patient);
CREATE INDEX IF NOT EXISTS event_resource ON event(resource);
CREATE TABLE IF NOT EXISTS identity(system TEXT NOT NULL, value TEXT NOT NULL,
  patient BIGINT NOT NULL, PRIMARY KEY(system, value));
CREATE INDEX IF NOT EXISTS identity_patient ON identity(patient);
)";

std::optional<Time> moment(const Row& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(time_at(row.integer(column)));
}

constexpr const char* kColumns =
    "SELECT number, type, id, version, updated, deleted, body, patient FROM resource ";

Kept kept(const Row& row) {
  Kept kept;
  kept.number = row.integer(0);
  kept.type = row.text(1), kept.id = row.text(2), kept.version = row.integer(3);
  kept.updated = time_at(row.integer(4)), kept.deleted = row.integer(5) != 0;
  kept.body = row.text(6);
  if (!row.is_null(7)) kept.patient = PatientId(row.integer(7));
  return kept;
}

std::string body_of(const Incoming& incoming, const Kept& kept) {
  return "{\"resourceType\":\"" + kept.type + "\",\"id\":\"" + kept.id +
         "\",\"meta\":{\"versionId\":\"" + std::to_string(kept.version) + "\",\"lastUpdated\":\"" +
         format_time(kept.updated) + "\"" + (incoming.meta.empty() ? "" : "," + incoming.meta) +
         "}" + (incoming.rest.empty() ? "" : "," + incoming.rest) + "}";
}

}  // namespace

std::optional<std::int64_t> LiveRecord::layout(Database& db) {
  const auto tables = tables_of(db);
  if (std::find(tables.begin(), tables.end(), "schema_version") == tables.end()) return {};
  return db.integer("SELECT version FROM schema_version");
}
std::int64_t LiveRecord::newest_layout() {
  return kSchema;
}

void LiveRecord::prepare(Database& db) {
  db.transaction([&] {
    db.script(kRecordTables);
    const auto version = db.integer("SELECT version FROM schema_version");
    if (!version) db.run("INSERT INTO schema_version VALUES(?)", {kSchema});
    if (version.value_or(kSchema) > kSchema)
      fail(Fault::storage, "the live record was written by a newer version; update this program");
    if (version == 1) {  // descriptions were of codes, and so of other patients
      db.script(
          "ALTER TABLE event ADD COLUMN description TEXT NOT NULL DEFAULT '';"
          "ALTER TABLE code DROP COLUMN description; UPDATE schema_version SET version = 2;");
    }
  });
}

std::optional<std::int64_t> LiveRecord::latest(const std::string& type, const std::string& id) {
  return db_.integer(
      "SELECT number FROM resource WHERE type = ? AND id = ? ORDER BY version DESC LIMIT 1",
      {type, id});
}

std::int64_t LiveRecord::code_number(const LiveEvent& event) {
  if (const auto known = db_.integer("SELECT number FROM code WHERE code = ?", {event.code}))
    return *known;
  return *db_.integer("INSERT INTO code(code) VALUES(?) RETURNING number", {event.code});
}

// A corrected fact is known from the correction on, not before.
void LiveRecord::add_events(const Incoming& incoming, std::int64_t resource,
                            std::optional<Time> not_before) {
  for (const LiveEvent& event : incoming.events) {
    const auto number = event.number ? std::optional<double>(*event.number) : std::nullopt;
    db_.put("INSERT INTO event VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)",
            {incoming.patient->for_storage(), value_or_null(microseconds_of(event.time)),
             value_or_null(microseconds_of(event.occurred)), code_number(event),
             value_or_null(number), event.unit, event.text, resource,
             value_or_null(microseconds_of(not_before)), event.description});
  }
}

LiveRecord::Written LiveRecord::put(const Incoming& incoming, Time now) {
  Written written;
  Kept& kept = written.kept;
  kept.type = incoming.type, kept.id = incoming.id.empty() ? new_id(now) : incoming.id;
  const Digest digest = digest_of(incoming.meta + "\n" + incoming.rest);
  const auto before = incoming.id.empty() ? std::nullopt : latest(kept.type, kept.id);
  std::optional<Time> not_before;
  if (before) {
    std::string old_digest;
    db_.each("SELECT version, updated, deleted, body, digest FROM resource WHERE number = ?",
             {*before}, [&](const Row& row) {
               kept.version = row.integer(0), kept.updated = time_at(row.integer(1));
               kept.deleted = row.integer(2) != 0, kept.body = row.text(3),
               old_digest = row.text(4);
             });
    kept.number = *before;
    if (!kept.deleted && old_digest == digest) {
      written.changed = false;
      kept.patient = incoming.patient;
      return written;
    }
    not_before = now = std::max(now, kept.updated + Duration(1));  // a clock may go back
    db_.put("UPDATE resource SET latest = 0 WHERE number = ?", {*before});
    db_.put("UPDATE event SET replaced = ? WHERE resource = ? AND replaced IS NULL",
            {microseconds_of(now), *before});
    db_.put("DELETE FROM term WHERE resource = ?", {*before});
  }
  written.created = !before || kept.deleted;
  kept.version += 1, kept.updated = now, kept.deleted = false;
  kept.body = body_of(incoming, kept);
  const auto patient =
      incoming.patient ? std::optional(incoming.patient->for_storage()) : std::nullopt;
  kept.number = *db_.integer(
      "INSERT INTO resource(type, id, version, updated, patient, date, deleted, latest, digest, "
      "body) "
      "VALUES(?, ?, ?, ?, ?, ?, 0, 1, ?, ?) RETURNING number",
      {kept.type, kept.id, kept.version, microseconds_of(now), value_or_null(patient),
       value_or_null(microseconds_of(incoming.date)), digest, kept.body});
  kept.patient = incoming.patient;
  for (const Term& term : incoming.terms)
    db_.put("INSERT INTO term VALUES(?, ?, ?, ?)", {kept.type, term.kind, term.text, kept.number});
  if (incoming.patient) add_events(incoming, kept.number, not_before);
  return written;
}

std::optional<Kept> LiveRecord::remove(const std::string& type, const std::string& id, Time now) {
  auto old = read(type, id);
  if (!old || old->deleted) return std::nullopt;
  now = std::max(now, old->updated + Duration(1));
  const auto patient = db_.integer("SELECT patient FROM resource WHERE number = ?", {old->number});
  db_.put("UPDATE resource SET latest = 0 WHERE number = ?", {old->number});
  db_.put("UPDATE event SET replaced = ? WHERE resource = ? AND replaced IS NULL",
          {microseconds_of(now), old->number});
  db_.put("DELETE FROM term WHERE resource = ?", {old->number});
  const auto number = db_.integer(
      "INSERT INTO resource(type, id, version, updated, patient, deleted, latest, digest, body) "
      "VALUES(?, ?, ?, ?, ?, 1, 0, '', '') RETURNING number",
      {type, id, old->version + 1, microseconds_of(now), value_or_null(patient)});
  return Kept{*number, type, id, old->version + 1, now, true, "", old->patient};
}

std::optional<Kept> LiveRecord::read(const std::string& type, const std::string& id) {
  std::optional<Kept> found;
  db_.each(std::string(kColumns) + "WHERE type = ? AND id = ? ORDER BY version DESC LIMIT 1",
           {type, id}, [&](const Row& row) { found = kept(row); });
  return found;
}

std::int64_t LiveRecord::last_number() {
  return db_.integer("SELECT max(number) FROM resource").value_or(0);
}

std::vector<Kept> LiveRecord::as_of(const Snapshot& snapshot, std::int64_t after,
                                    std::size_t most) {
  std::vector<Kept> all;
  const std::int64_t since = snapshot.since ? microseconds_of(*snapshot.since) : INT64_MIN;
  db_.each(std::string(kColumns) +
               "r WHERE type = ? AND number > ? AND number <= ? AND updated >= ? AND NOT EXISTS "
               "(SELECT 1 FROM resource n WHERE n.type = r.type AND n.id = r.id AND n.version > "
               "r.version AND n.number <= ?) ORDER BY number LIMIT ?",
           {snapshot.type, after, snapshot.until, since, snapshot.until,
            static_cast<std::int64_t>(most)},
           [&](const Row& row) { all.push_back(kept(row)); });
  return all;
}

std::optional<Kept> LiveRecord::version(const std::string& type, const std::string& id,
                                        std::int64_t version) {
  std::optional<Kept> found;
  db_.each(std::string(kColumns) + "WHERE type = ? AND id = ? AND version = ?", {type, id, version},
           [&](const Row& row) { found = kept(row); });
  return found;
}

std::vector<Kept> LiveRecord::history(const std::string& type, const std::string& id) {
  std::vector<Kept> all;
  db_.each(std::string(kColumns) + "WHERE type = ? AND id = ? ORDER BY version DESC", {type, id},
           [&](const Row& row) { all.push_back(kept(row)); });
  return all;
}

namespace {

// The WHERE of a search, and its values, which point into `wanted` and `ends`.
std::string conditions(const Wanted& wanted, Values& values, std::list<std::string>& ends) {
  std::string sql = "WHERE latest = 1 AND type = ?";
  values.push_back(wanted.type);
  const auto add = [&](const std::string& condition, Value value) {
    sql += " AND " + condition;
    values.push_back(value);
  };
  if (wanted.patient) add("patient = ?", wanted.patient->for_storage());
  if (wanted.from) add("date >= ?", microseconds_of(*wanted.from));
  if (wanted.until) add("date < ?", microseconds_of(*wanted.until));
  if (wanted.updated_from) add("updated >= ?", microseconds_of(*wanted.updated_from));
  if (wanted.updated_until) add("updated < ?", microseconds_of(*wanted.updated_until));
  if (!wanted.ids.empty()) {
    sql += " AND id IN (";
    for (std::size_t i = 0; i < wanted.ids.size(); ++i) {
      sql += i ? ", ?" : "?";
      values.push_back(wanted.ids[i]);
    }
    sql += ")";
  }
  if (wanted.among) {
    sql += " AND patient IN (";
    for (std::size_t i = 0; i < wanted.among->size(); ++i) {
      sql += i ? ", ?" : "?";
      values.push_back((*wanted.among)[i].for_storage());
    }
    sql += ")";
  }
  for (const Term& term : wanted.terms) {
    const bool beginning = term.kind == "name";
    sql += " AND number IN (SELECT resource FROM term WHERE type = ? AND kind = ? AND text ";
    values.push_back(wanted.type);
    values.push_back(term.kind);
    if (beginning) {
      sql += ">= ? AND text < ?)";
      values.push_back(term.text);
      values.push_back(ends.emplace_back(term.text + "\U0010FFFF"));
      continue;
    }
    sql += "IN (";
    for (const std::string_view one : split(term.text, ',')) {
      if (sql.back() == '?') sql += ", ";
      sql += "?";
      values.push_back(one);
    }
    sql += "))";
  }
  return sql;
}

}  // namespace

std::vector<Kept> LiveRecord::search(const Wanted& wanted) {
  Values values;
  std::list<std::string> ends;
  std::string sql = std::string(kColumns) + conditions(wanted, values, ends);
  constexpr const char* kOrders[] = {"date DESC NULLS LAST, number DESC",
                                     "date NULLS FIRST, number", "updated DESC, number DESC"};
  sql += std::string(" ORDER BY ") + kOrders[static_cast<int>(wanted.order)] + " LIMIT ? OFFSET ?";
  values.push_back(static_cast<std::int64_t>(wanted.most));
  values.push_back(static_cast<std::int64_t>(wanted.skip));
  std::vector<Kept> all;
  db_.each(sql, values, [&](const Row& row) { all.push_back(kept(row)); });
  return all;
}

std::uint64_t LiveRecord::count(const Wanted& wanted) {
  Values values;
  std::list<std::string> ends;
  const std::string sql = "SELECT count(*) FROM resource " + conditions(wanted, values, ends);
  return static_cast<std::uint64_t>(db_.integer(sql, values).value_or(0));
}

std::vector<Kept> LiveRecord::of_patient(PatientId patient, std::int64_t after, std::size_t most) {
  std::vector<Kept> all;
  db_.each(std::string(kColumns) +
               "WHERE latest = 1 AND patient = ? AND number > ? ORDER BY number LIMIT ?",
           {patient.for_storage(), after, static_cast<std::int64_t>(most)},
           [&](const Row& row) { all.push_back(kept(row)); });
  return all;
}

std::vector<PatientId> LiveRecord::patients() {
  std::vector<PatientId> all;
  db_.each("SELECT DISTINCT patient FROM event", {},
           [&](const Row& row) { all.emplace_back(row.integer(0)); });
  return all;
}

std::vector<LiveEvent> LiveRecord::events(PatientId patient) {
  std::vector<LiveEvent> all;
  db_.each(
      "SELECT e.time, e.occurred, c.code, e.number, e.unit, e.text, e.description, e.since, "
      "e.replaced, r.type, r.id FROM event e JOIN code c ON c.number = e.code "
      "JOIN resource r ON r.number = e.resource WHERE e.patient = ? ORDER BY e.resource",
      {patient.for_storage()}, [&](const Row& row) {
        LiveEvent event;
        event.time = moment(row, 0), event.occurred = moment(row, 1);
        event.code = row.text(2);
        if (!row.is_null(3)) event.number = static_cast<float>(row.real(3));
        event.unit = row.text(4), event.text = row.text(5), event.description = row.text(6);
        event.validity = {moment(row, 7), moment(row, 8)};
        event.source = std::string(row.text(9)) + "/" + std::string(row.text(10));
        all.push_back(std::move(event));
      });
  return all;
}

std::optional<PatientId> LiveRecord::find(const std::string& system, const std::string& value) {
  const auto found =
      db_.integer("SELECT patient FROM identity WHERE system = ? AND value = ?", {system, value});
  return found ? std::optional(PatientId(*found)) : std::nullopt;
}

void LiveRecord::link(const std::string& system, const std::string& value, PatientId patient) {
  db_.put("INSERT INTO identity VALUES(?, ?, ?) ON CONFLICT DO NOTHING",
          {system, value, patient.for_storage()});
}

void LiveRecord::unlink_others(PatientId patient) {
  db_.put("DELETE FROM identity WHERE patient = ? AND system <> 'fhir:Patient'",
          {patient.for_storage()});
}

std::optional<std::string> LiveRecord::outside_id(PatientId patient) {
  std::optional<std::string> id;
  db_.each("SELECT value FROM identity WHERE patient = ? AND system = 'fhir:Patient' LIMIT 1",
           {patient.for_storage()}, [&](const Row& row) { id = row.text(0); });
  return id;
}

}  // namespace cangong
