#include "engine/hospital.h"

#include <unistd.h>

#include <array>
#include <cmath>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "base/digest.h"
#include "base/error.h"
#include "base/new_id.h"
#include "base/text.h"
#include "decide/abstain.h"
#include "engine/bulk.h"
#include "engine/load_model.h"

namespace cangong {

using Json = nlohmann::ordered_json;

namespace {

// "sepsis" is sepsis@champion; a bundle's digest is a name, too.
bool is_named(const Approval& approval, const std::string& name) {
  return approval.bundle == name ||
         approval.name == (name.find('@') == std::string::npos ? name + "@champion" : name);
}

}  // namespace

Time now() {
  return std::chrono::floor<Duration>(std::chrono::system_clock::now());
}

void Home::require() const {
  if (!fs::exists(live()) && !fs::exists(trail()))
    fail(Fault::missing,
         path.string() + " is no home of a service; make one with: cangong serve " + path.string());
}

struct Hospital::State {
  Home home;
  std::unique_ptr<DatabasePool> live;
  std::unique_ptr<AuditTrail> trail;
  std::mutex mutex;
  std::shared_ptr<Bulk> bulk;
  std::shared_ptr<const Models> models;
  std::optional<fs::file_time_type> models_read;
  // Every answer asks whether these changed: their names are put together once.
  fs::path approvals, generation;
  std::string generation_read;  // what the link said before `bulk` was opened

  std::shared_ptr<Bulk> bulk_now() {
    std::array<char, 256> text;
    const auto size = ::readlink(generation.c_str(), text.data(), text.size());
    const std::string_view says(text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    const std::lock_guard lock(mutex);
    if (says.empty() || says != generation_read) {
      if (!bulk || bulk->generation() != current_generation(home.store()))
        bulk = std::make_shared<Bulk>(home.store());
      generation_read = says;
    }
    return bulk;
  }
};

namespace {

// A new key would sign as if nothing had been before.
void require_key_of_trail(const Home& home) {
  const fs::path key = home.keys() / "audit.key";
  if (fs::exists(key) || !fs::exists(home.trail())) return;
  LineReader lines(home.trail());
  while (const auto line = lines.next())
    if (is_checkpoint(line->text))
      fail(Fault::missing, "the key that signed " + home.trail().string() +
                               " is gone: bring back " + key.string() +
                               " from a backup, or put the trail away to begin a new one");
}

}  // namespace

Hospital::Hospital(const fs::path& path, const DatabaseAt& live)
    : state_(std::make_unique<State>()) {
  state_->home.path = path;
  const Home& home = state_->home;
  for (const fs::path& folder : {path, home.models(), home.keys()}) fs::create_directories(folder);
  fs::permissions(home.keys(), fs::perms::owner_all);
  const fs::path key = home.store() / "identities" / "key";
  if (!fs::exists(key)) Identities::open(home.store()).save_key();
  state_->approvals = approvals_file(home.models());
  state_->generation = home.store() / "current";
  state_->bulk_now();
  const auto keep_notes = [state = state_.get()](const Database::Notes& records) {
    state->trail->append(format_time(now()), records);
  };
  state_->live = std::make_unique<DatabasePool>(live, keep_notes);
  state_->live->read([](Database& database) { LiveRecord::prepare(database); });
  require_key_of_trail(home);
  state_->trail =
      std::make_unique<AuditTrail>(home.trail(), SigningKey::open(home.keys() / "audit.key"));
}

// The last word of a service is signed.
Hospital::~Hospital() {
  try {
    state_->trail->checkpoint(format_time(now()));
  } catch (const std::exception&) {
    // Not on disk: the next start goes on from what is.
  }
}

const Home& Hospital::home() const {
  return state_->home;
}
DatabasePool& Hospital::live() {
  return *state_->live;
}
AuditTrail& Hospital::trail() {
  return *state_->trail;
}

std::shared_ptr<const Hospital::Models> Hospital::models() {
  std::error_code none;
  const auto changed = fs::last_write_time(state_->approvals, none);
  const std::lock_guard lock(state_->mutex);
  // What could not be served is tried again.
  if (state_->models && state_->models_read == changed && state_->models->problems.empty())
    return state_->models;
  const fs::path folder = state_->home.models();
  auto fresh = std::make_shared<Models>();
  try {
    for (const Approval& approval : approvals(folder)) {
      try {
        load_model(folder, approval, *fresh);
      } catch (const std::exception& error) {
        fresh->problems.push_back(approval.name + ": " + error.what());
      }
    }
  } catch (const Error& error) {
    fresh->problems.emplace_back(error.what());
  }
  state_->models = fresh, state_->models_read = changed;
  return fresh;
}

ModelPtr Hospital::answering_model(const std::string& name) {
  ModelPtr found = model(name);
  if (found->alias == "shadow")
    fail(Fault::missing,
         "\"" + found->id() + "\" answers nobody: a shadow is judged and not shown");
  return found;
}

ModelPtr Hospital::model(const std::string& name) {
  const auto known = models();
  for (const ModelPtr& model : known->served)
    if (is_named(model->approval, name)) return model;
  for (const TimelinesPtr& model : known->timelines)
    if (is_named(model->approval, name) && model->alias != "shadow")
      fail(Fault::missing, "\"" + model->id() +
                               "\" is a model of timelines: it answers $predict of one patient and "
                               "the years to come, nothing else");
  std::vector<std::string> names;
  for (const ModelPtr& model : known->served) names.push_back(model->id());
  fail(Fault::missing, names.empty()
                           ? "no model is approved; do: cangong approve BUNDLE --as NAME@champion"
                           : "no approved model \"" + name + "\"; there are " + join(names, ", "));
}

TimelinesPtr Hospital::timelines(const std::string& name) {
  const auto known = models();
  for (const TimelinesPtr& model : known->timelines)
    if (is_named(model->approval, name) && model->alias != "shadow") return model;
  return nullptr;
}

Approval Hospital::approval(const std::string& name) {
  const auto known = models();
  for (const TimelinesPtr& one : known->timelines)
    if (is_named(one->approval, name)) return one->approval;
  return model(name)->approval;
}

std::vector<CodeInfo> Hospital::code_infos(const CodeBook& codes) {
  return state_->bulk_now()->infos_of(codes);
}

namespace {

std::optional<PatientId> named(LiveRecord live, const Identities& bulk, const std::string& id) {
  const std::size_t bar = id.find('|');
  const std::string system = bar == std::string::npos ? "fhir:Patient" : id.substr(0, bar);
  const std::string value = bar == std::string::npos ? id : id.substr(bar + 1);
  const auto found = live.find(system, value);
  return found ? found : bulk.find(system, value);
}

std::optional<PatientId> numbered(Bulk& bulk, const std::string& id) {
  const auto number = parse_integer(id);
  return number && bulk.find(PatientId(*number)) ? std::optional(PatientId(*number)) : std::nullopt;
}

}  // namespace

std::optional<PatientId> Hospital::find(const std::string& id) {
  const auto bulk = state_->bulk_now();
  std::optional<PatientId> found;
  live().read([&](Database& db) { found = named(LiveRecord(db), bulk->identities(), id); });
  return found ? found : numbered(*bulk, id);
}

std::optional<PatientId> Hospital::find_outside(const std::string& id) {
  const auto bulk = state_->bulk_now();
  std::optional<PatientId> found;
  live().read([&](Database& db) { found = named(LiveRecord(db), bulk->identities(), id); });
  const bool synthetic = bulk->store() && bulk->store()->inventory().synthetic;
  return found || !synthetic ? found : numbered(*bulk, id);
}

std::string Hospital::fhir_id(PatientId patient) {
  std::optional<std::string> id;
  live().read([&](Database& database) { id = LiveRecord(database).outside_id(patient); });
  if (!id) id = state_->bulk_now()->identities().value_of(patient, "fhir:Patient");
  return id ? *id : std::to_string(patient.for_storage());
}

Hospital::Record Hospital::record(PatientId patient, std::vector<LiveEvent> more) {
  const auto bulk = state_->bulk_now();
  std::vector<LiveEvent> live_events;
  live().read([&](Database& database) { live_events = LiveRecord(database).events(patient); });
  std::move(more.begin(), more.end(), std::back_inserter(live_events));
  const auto old = bulk->find(patient);
  if (!old && live_events.empty()) fail(Fault::missing, "nothing is known of this patient");
  return {assemble(patient, old.get(), live_events), std::move(live_events),
          old && bulk->store()->inventory().synthetic, bulk->digest()};
}

void Hospital::each_record(const std::function<void(PatientId, Record)>& use) {
  const auto bulk = state_->bulk_now();
  std::unordered_set<PatientId> live_ones;
  const auto live_events = [&](PatientId patient) {
    std::vector<LiveEvent> events;
    live().read([&](Database& database) { events = LiveRecord(database).events(patient); });
    return events;
  };
  live().read([&](Database& database) {
    for (const PatientId patient : LiveRecord(database).patients()) live_ones.insert(patient);
  });
  if (bulk->store())
    bulk->store()->each(Columns::all, [&](const Timeline& old) {
      std::vector<LiveEvent> events;
      if (live_ones.erase(old.patient())) events = live_events(old.patient());
      use(old.patient(),
          {assemble(old.patient(), &old, events), events, bulk->store()->inventory().synthetic});
    });
  for (const PatientId patient : live_ones) {
    std::vector<LiveEvent> events = live_events(patient);
    if (!events.empty())
      use(patient, {assemble(patient, nullptr, events), events, false, bulk->digest()});
  }
}

std::uint64_t Hospital::most_patients() {
  const auto bulk = state_->bulk_now();
  std::uint64_t count = bulk->store() ? bulk->store()->inventory().subjects() : 0;
  live().read([&](Database& database) { count += LiveRecord(database).patients().size(); });
  return count;
}

std::string Hospital::meaning(std::string_view code) {
  return state_->bulk_now()->meaning(code);
}

Hospital::Record Hospital::record_of(const std::vector<std::string>& texts, Time arrived) {
  FhirAtHand at_hand = read_fhir_at_hand(texts, arrived);
  Record record{assemble(PatientId(), nullptr, at_hand.events), {}, false};
  record.live = std::move(at_hand.events), record.patients = std::move(at_hand.patients);
  record.subject = std::move(at_hand.subject);
  return record;
}

namespace {

// "Patient/12" of a reference, whatever stands before it.
std::string patient_part(const std::string& subject) {
  const std::size_t at = subject.rfind("Patient/");
  return at == std::string::npos ? subject : subject.substr(at + 8);
}

// Two resources of one server are two patients, whatever identifier they share by mistake: only
// with bulk records is a new resource joined. What a correction takes away is no longer theirs.
PatientId number_of_patient(LiveRecord& live, const Identities& bulk, const FhirRecord& record) {
  const auto& [own_system, own_value] = record.identifiers.front();
  std::optional<PatientId> known = live.find(own_system, own_value);
  for (const auto& [system, value] : record.identifiers) {
    if (known) break;
    known = bulk.find(system, value);
    if (known && live.outside_id(*known)) known.reset();  // another resource has it
  }
  const PatientId patient = known ? *known : bulk.expected(own_system, own_value);
  live.unlink_others(patient);
  for (const auto& [system, value] : record.identifiers) live.link(system, value, patient);
  return patient;
}

}  // namespace

LiveRecord::Written Hospital::arrive(Database& database, const FhirWrite& write, Time arrived) {
  LiveRecord live(database);
  const Resolve resolve = [&](const std::string& reference) -> std::optional<std::string> {
    const std::size_t slash = reference.find('/');
    if (slash == std::string::npos) return std::nullopt;
    const auto found = live.read(reference.substr(0, slash), reference.substr(slash + 1));
    return found && !found->deleted ? std::optional(found->body) : std::nullopt;
  };
  FhirRecord record = read_fhir_record({write.json, write.url, arrived}, resolve);
  Incoming& incoming = record.incoming;
  if (!write.id.empty() && !incoming.id.empty() && incoming.id != write.id)
    fail(Fault::input, "the resource's id is not that of the address");
  incoming.id = write.id;
  const auto bulk = state_->bulk_now();
  if (incoming.type == "Patient") {
    if (incoming.id.empty()) incoming.id = new_id(arrived);
    if (record.identifiers.empty() || record.identifiers.front().first != "fhir:Patient")
      record.identifiers.insert(record.identifiers.begin(), {"", ""});
    record.identifiers.front() = {"fhir:Patient", incoming.id};
    incoming.patient = number_of_patient(live, bulk->identities(), record);
    const auto number = parse_integer(incoming.id);
    if (number && PatientId(*number) != *incoming.patient && bulk->find(PatientId(*number)))
      fail(Fault::input,
           "the id is the number of another patient of the bulk store; choose another");
  } else if (write.patient) {
    incoming.patient = write.patient;
  } else if (record.of_a_patient) {
    if (record.subject.empty()) fail(Fault::input, incoming.type + ": names no patient (subject)");
    const std::string id = patient_part(record.subject);
    const std::size_t bar = id.find('|');
    const std::string system = bar == std::string::npos ? "fhir:Patient" : id.substr(0, bar);
    const std::string value = bar == std::string::npos ? id : id.substr(bar + 1);
    incoming.patient = live.find(system, value);
    if (!incoming.patient) incoming.patient = bulk->identities().find(system, value);
    if (!incoming.patient)
      fail(Fault::input,
           incoming.type + ": refers to a patient that is not known; send the patient first");
  }
  return live.put(incoming, arrived);
}

namespace {

// Evidence that came through the live record names its resource.
void name_sources(Prediction& prediction, const std::vector<LiveEvent>& live) {
  for (Reason& reason : prediction.reasons)
    for (Evidence& evidence : reason.evidence)
      for (const LiveEvent& event : live)
        if (event.code == evidence.code && event.time == evidence.time &&
            event.number == evidence.number && event.unit == evidence.unit) {
          evidence.source = event.source;
          break;
        }
}

Json record_of_asker(const Asker& asker) {
  Json json{{"who", asker.user}};
  if (!asker.why.empty()) json["why"] = asker.why;
  if (!asker.from.empty()) json["from"] = asker.from;
  if (!asker.trace.empty()) json["trace"] = asker.trace;
  return json;
}

std::string text_of(const Json& record) {
  return record.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

namespace {

Answered answer(Bulk& bulk, const Hospital::Asked& asked) {
  const ServedModel& model = asked.model;
  std::unordered_map<std::string_view, std::string_view> described;
  for (const LiveEvent& event : asked.record.live) described[event.code] = event.description;
  const Meaning meaning = [&](std::string_view code) {
    const auto found = described.find(code);
    return found == described.end() || found->second.empty() ? bulk.meaning(code)
                                                             : std::string(found->second);
  };
  Answered answered;
  answered.at = now();
  answered.id = new_id(answered.at);
  answered.as_of = asked.as_of;
  answered.synthetic = asked.record.synthetic || model.pipeline.synthetic;
  answered.reply = answer_patient(model.pipeline, *model.certainty, meaning,
                                  asked.record.timeline.until(asked.as_of), asked.explain);
  if (auto* prediction = std::get_if<Prediction>(&answered.reply))
    name_sources(*prediction, asked.record.live);
  return answered;
}

Json record_of_answer(const Hospital::Asked& asked, const Asker& asker, const Answered& answered) {
  Json record{{"what", "predict"}, {"id", answered.id}, {"subject", asked.subject}};
  record.update(record_of_asker(asker));
  record["as_of"] = format_time(asked.as_of);
  record["model"] = asked.model.approval.bundle;
  record["name"] = asked.model.id();
  record["store"] = asked.record.store;
  if (const auto* prediction = std::get_if<Prediction>(&answered.reply)) {
    record["answer"] = "prediction";
    record["value"] = prediction->value;
  } else {
    record["answer"] = "abstention";
    record["abstained"] = name_of(std::get<Abstention>(answered.reply).why);
  }
  return record;
}

std::string note_text(const Asker& asker, const std::string& what, const std::string& fields) {
  Json record{{"what", what}};
  record.update(record_of_asker(asker));
  record.update(Json::parse(fields));
  return text_of(record);
}

}  // namespace

Answered Hospital::ask(const Asked& asked, const Asker& asker) {
  return std::move(ask(std::span(&asked, 1), asker).front());
}

std::vector<Answered> Hospital::ask(std::span<const Asked> asked, const Asker& asker) {
  const auto bulk = state_->bulk_now();
  std::vector<Answered> all;
  std::vector<std::string> records;
  for (const Asked& one : asked) {
    all.push_back(answer(*bulk, one));
    records.push_back(text_of(record_of_answer(one, asker, all.back())));
  }
  trail().append(format_time(now()), records);
  return all;
}

void Hospital::note(const Asker& asker, const std::string& what, const std::string& fields) {
  trail().append(format_time(now()), note_text(asker, what, fields));
}

void Hospital::note(Database& database, const Asker& asker, const std::string& what,
                    const std::string& fields) {
  std::string record = note_text(asker, what, fields);
  AuditTrail::require_short(record);
  database.note(std::move(record));
}

Digest Hospital::store_digest() {
  return state_->bulk_now()->digest();
}

}  // namespace cangong
