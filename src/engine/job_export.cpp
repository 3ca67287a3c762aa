// FHIR Bulk Data 2.0 export: the live record as it stood at one moment, as files of NDJSON.
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/error.h"
#include "base/text.h"
#include "engine/job_files.h"
#include "engine/jobs.h"

namespace cangong {

using Json = nlohmann::ordered_json;

void NdjsonFiles::add(const std::string& type, const std::string& line) {
  Part& part = parts_[type];
  part.text += line;
  part.text += '\n';
  ++part.count;
  if (part.text.size() >= kLargest) close(type, part);
}

void NdjsonFiles::close(const std::string& type, Part& part) {
  if (part.count == 0) return;
  const std::string name = type + "." + std::to_string(++part.number) + ".ndjson";
  write_private_file(folder_ / name, part.text);
  files_.push_back({type, name, part.count});
  part.text.clear(), part.count = 0;
}

void NdjsonFiles::finish() {
  for (auto& [type, part] : parts_) close(type, part);
}

std::string NdjsonFiles::list(const std::vector<File>& files) {
  Json all = Json::array();
  for (const File& file : files)
    all.push_back({{"type", file.type}, {"file", file.name}, {"count", file.count}});
  return all.dump();
}

std::vector<PatientId> members_of(Hospital& hospital, const std::string& group) {
  std::optional<Kept> kept;
  hospital.live().read([&](Database& db) { kept = LiveRecord(db).read("Group", group); });
  if (!kept || kept->deleted) fail(Fault::missing, "no such Group");
  std::vector<PatientId> members;
  const Json body = Json::parse(kept->body);
  for (const Json& member : body.value("member", Json::array())) {
    if (member.value("inactive", false)) continue;
    const std::string name = member.value("entity", Json::object()).value("reference", "");
    const std::size_t at = name.rfind("Patient/");
    const auto patient =
        at == std::string::npos ? std::nullopt : hospital.find(name.substr(at + 8));
    if (patient && std::find(members.begin(), members.end(), *patient) == members.end())
      members.push_back(*patient);
  }
  return members;
}

namespace {

constexpr std::size_t kResourcesTogether = 1000;

struct Asked {
  std::vector<std::string> types;
  std::optional<Time> since;
  std::optional<std::unordered_set<PatientId>> among;
  bool of_patients = false;  // nothing of nobody

  bool wants(const Kept& kept) const {
    if (!kept.patient) return !of_patients;
    return !among || among->contains(*kept.patient);
  }
};

Asked asked_for(Hospital& hospital, const std::string& text) {
  const Json request = Json::parse(text);
  Asked asked;
  for (const Json& type : request.value("types", Json::array())) {
    asked.types.push_back(type);
    if (!is_fhir_type(asked.types.back()))
      fail(Fault::input, "_type names a type of resource that is not kept");
  }
  if (asked.types.empty()) asked.types = fhir_types();
  if (const std::string since = request.value("since", ""); !since.empty()) {
    const auto moment = parse_moment(since, Zone());
    if (!moment) fail(Fault::input, "_since is a moment such as 2026-01-31T00:00:00Z");
    asked.since = moment->first;
  }
  asked.of_patients = request.value("patients", false);
  if (const std::string group = request.value("group", ""); !group.empty()) {
    const auto members = members_of(hospital, group);
    asked.among.emplace(members.begin(), members.end());
    asked.of_patients = true;
  }
  return asked;
}

std::string about_export(Hospital& hospital, const std::string& request) {
  asked_for(hospital, request);
  return "";
}

// A deletion as FHIR asks for it: a transaction that deletes.
std::string deletion(const Kept& kept) {
  const Json entry{{"request", {{"method", "DELETE"}, {"url", kept.type + "/" + kept.id}}}};
  return Json{{"resourceType", "Bundle"}, {"type", "transaction"}, {"entry", {entry}}}.dump();
}

std::string run_export(Hospital& hospital, JobRun& run) {
  const Asked asked = asked_for(hospital, run.job().request);
  LiveRecord::Snapshot snapshot{"", 0, asked.since};
  const Time moment = now();
  hospital.live().read([&](Database& db) { snapshot.until = LiveRecord(db).last_number(); });
  const fs::path folder = run.folder();
  fs::remove_all(folder);
  NdjsonFiles output(run.folder()), deleted(run.folder());
  std::unordered_set<PatientId> subjects;
  std::uint64_t done = 0;
  for (const std::string& type : asked.types) {
    snapshot.type = type;
    std::int64_t after = 0;
    for (std::vector<Kept> some;; after = some.back().number) {
      if (run.is_stopping()) throw JobStopped();
      hospital.live().read(
          [&](Database& db) { some = LiveRecord(db).as_of(snapshot, after, kResourcesTogether); });
      if (some.empty()) break;
      for (const Kept& kept : some) {
        if (!asked.wants(kept)) continue;
        if (kept.patient) subjects.insert(*kept.patient);
        if (!kept.deleted)
          output.add(kept.type, kept.body);
        else if (asked.since)
          deleted.add("Bundle", deletion(kept));
      }
      done += some.size();
      run.progress(done, static_cast<std::uint64_t>(snapshot.until));
    }
  }
  output.finish(), deleted.finish();
  run.progress(done, done);
  // Before anybody can fetch it.
  hospital.note(
      {run.job().by, "job " + run.job().id, "", ""}, "export",
      Json{{"job", run.job().id}, {"resources", done}, {"patients", subjects.size()}}.dump());
  return Json{{"at", format_time(moment)},
              {"output", Json::parse(NdjsonFiles::list(output.files()))},
              {"deleted", Json::parse(NdjsonFiles::list(deleted.files()))},
              {"error", Json::array()}}
      .dump();
}

}  // namespace

const JobKind kExportJob{"export", Lane::brief, about_export, run_export};

}  // namespace cangong
