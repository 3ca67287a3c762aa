// What arrives one by one: resources with all their versions, and the events that they state.
// Tables: docs/formats.md. The same SQL on every database.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/database.h"
#include "base/identifier.h"
#include "base/time.h"
#include "timeline/assemble.h"

namespace cangong {

// How a resource can be found: ("code", "http://loinc.org|2160-0"), ("name", "zhang").
struct Term {
  std::string kind, text;
};

struct Incoming {
  std::string type, id;  // no id: a new one is made
  std::string meta;      // inside of its meta but for version and time: "\"profile\":[...]"
  std::string rest;      // all other fields as they were written: "\"status\":\"final\",..."
  std::optional<PatientId> patient;
  std::optional<Time> date;  // for searching
  std::vector<Term> terms;
  std::vector<LiveEvent> events;
};

struct Kept {
  std::int64_t number = 0;  // grows with every version written
  std::string type, id;
  std::int64_t version = 0;
  Time updated;
  bool deleted = false;
  std::string body;  // JSON; empty where deleted
  std::optional<PatientId> patient;
};

struct Wanted {
  std::string type;
  std::vector<std::string> ids;
  std::optional<PatientId> patient;
  std::optional<std::vector<PatientId>> among;  // none but these
  std::vector<Term> terms;  // all of them; a name is a beginning, "a,b" one of both
  std::optional<Time> from, until, updated_from, updated_until;  // until: not included
  enum class Order { newest_first, oldest_first, last_updated_first } order = Order::newest_first;
  std::size_t most = 50, skip = 0;
};

// One connection's view; inside DatabasePool::write where it changes something.
class LiveRecord {
 public:
  explicit LiveRecord(Database& database) : db_(database) {}
  // Makes the tables where there are none; throws Fault::storage where they are of a newer version.
  static void prepare(Database& database);
  // Of its tables; nothing where there are none. `prepare` makes the newest.
  static std::optional<std::int64_t> layout(Database& database);
  static std::int64_t newest_layout();

  // The next version; the same one again where nothing changed. Events of the version before are
  // void from `now` on.
  struct Written {
    Kept kept;
    bool created = false, changed = true;
  };
  Written put(const Incoming& incoming, Time now);
  // A deletion is a version too. Nothing where there is no such resource, or it is deleted already.
  std::optional<Kept> remove(const std::string& type, const std::string& id, Time now);

  std::optional<Kept> read(const std::string& type, const std::string& id);
  std::optional<Kept> version(const std::string& type, const std::string& id, std::int64_t version);
  std::vector<Kept> history(const std::string& type, const std::string& id);
  std::vector<Kept> search(const Wanted& wanted);
  std::uint64_t count(const Wanted& wanted);
  // As it was when `until` was the last number: what held then, deletions too, by number.
  struct Snapshot {
    std::string type;
    std::int64_t until = 0;
    std::optional<Time> since;  // written from then on
  };
  std::vector<Kept> as_of(const Snapshot& snapshot, std::int64_t after, std::size_t most);
  std::int64_t last_number();
  // Of all types that one patient has, by number, after `after`.
  std::vector<Kept> of_patient(PatientId patient, std::int64_t after, std::size_t most);

  // Those of whom there are facts.
  std::vector<PatientId> patients();
  // Every version of every fact of a patient.
  std::vector<LiveEvent> events(PatientId patient);

  std::optional<PatientId> find(const std::string& system, const std::string& value);
  void link(const std::string& system, const std::string& value, PatientId patient);
  // All but the ids of its own resource.
  void unlink_others(PatientId patient);
  // The id of a patient's own resource, if it came to us.
  std::optional<std::string> outside_id(PatientId patient);

 private:
  std::int64_t code_number(const LiveEvent& event);
  void add_events(const Incoming& incoming, std::int64_t resource, std::optional<Time> not_before);
  std::optional<std::int64_t> latest(const std::string& type, const std::string& id);

  Database& db_;
};

}  // namespace cangong
