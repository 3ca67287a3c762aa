// The bulk store and the live record as one MEDS data set: what is known now.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/pattern.h"
#include "engine/jobs.h"
#include "timeline/store_writer.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

std::string name_in(const std::string& request) {
  static const Pattern kName = Pattern::require("^[a-z0-9][a-z0-9.-]{0,40}$", "names of exports");
  std::string name = Json::parse(request).value("name", "");
  if (!kName.in(name))
    fail(Fault::input, "name: small letters, digits, \"-\" and \".\", 41 at most");
  return name;
}

fs::path folder_of(const Hospital& hospital, const std::string& name) {
  return hospital.home().path / "exports" / name;
}

std::string about_meds(Hospital& hospital, const std::string& request) {
  const std::string name = name_in(request);
  if (fs::exists(folder_of(hospital, name)))
    fail(Fault::input, "exports/" + name + " is there already; choose another name");
  return name;
}

// Descriptions, parents and splits that the bulk store has.
void take_metadata(const fs::path& path, StoreWriter& writer) {
  if (!current_generation(path)) return;
  const Store store = Store::open(path);
  for (const CodeInfo& info : store.code_infos()) writer.add_info(info);
  writer.add_splits(store.splits());
  if (store.inventory().synthetic) writer.mark_synthetic();
}

void add(const Hospital::Record& record, Time at, StoreWriter& writer) {
  const History known = record.timeline.until(at);
  for (Event event : known.events()) {
    event.code = writer.codes().intern(known.codes().name(event.code));
    writer.add(known.patient(), event);
  }
  for (const LiveEvent& event : record.live)
    if (!event.description.empty())
      writer.describe(writer.codes().intern(event.code), event.description);
}

std::string run_meds(Hospital& hospital, JobRun& run) {
  const fs::path out = folder_of(hospital, name_in(run.job().request));
  const fs::path part = out.string() + ".part";
  fs::remove_all(part);
  fs::create_directories(out.parent_path());
  fs::permissions(out.parent_path(), fs::perms::owner_all);
  std::uint64_t patients = 0;
  Inventory inventory;
  {
    StoreWriter writer(part, {});
    take_metadata(hospital.home().store(), writer);
    const std::uint64_t most = hospital.most_patients();
    const Time at = now();
    hospital.each_record([&](PatientId, const Hospital::Record& record) {
      if (patients % 256 == 0 && run.is_stopping()) throw JobStopped();
      add(record, at, writer);
      run.progress(++patients, std::max(most, patients));
    });
    inventory = writer.commit();
  }
  hospital.note({run.job().by, "job " + run.job().id, "", ""}, "export",
                Json{{"job", run.job().id}, {"patients", patients}}.dump());
  fs::rename(part, out);
  sync_folder(out.parent_path());
  run.progress(patients, patients);
  return Json{{"patients", inventory.subjects()}, {"events", inventory.rows()}}.dump();
}

}  // namespace

const JobKind kMedsJob{"export_meds", Lane::lengthy, about_meds, run_meds};

}  // namespace cangong
