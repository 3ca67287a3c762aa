// A hospital's home folder while it is served: bulk store and live record as one, the models that
// are approved, the trail. Safe for concurrent use.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/database.h"
#include "engine/engine.h"
#include "model/timeline_model.h"
#include "registry/approval.h"
#include "registry/audit.h"
#include "source/fhir_record.h"
#include "timeline/assemble.h"

namespace cangong {

// Where what lies; docs/service.md.
struct Home {
  fs::path path;
  fs::path store() const { return path / "store"; }
  fs::path models() const { return path / "models"; }
  fs::path live() const { return path / "live.db"; }
  fs::path trail() const { return path / "audit.ndjson"; }
  fs::path keys() const { return path / "keys"; }
  fs::path config() const { return path / "config.yaml"; }
  fs::path inbox() const { return path / "inbox"; }  // what an import may read
  fs::path reports() const { return path / "reports"; }
  // Throws Fault::missing where nothing was ever served from there.
  void require() const;
};

// An approved model, ready to answer.
struct ServedModel {
  Approval approval;
  std::string name, alias;  // "sepsis", "champion"
  Pipeline pipeline;
  Told told;
  double usual = 0;  // its mean answer to patients that did not train; NaN: none
  // Of the same answers: the nine bounds of their tenths, and what share lies in each.
  std::vector<double> deciles, shares;
  std::unique_ptr<const Certainty> certainty = nullptr;  // of the pipeline
  std::string id() const { return approval.name; }
};
using ModelPtr = std::shared_ptr<const ServedModel>;

// An approved model of whole timelines.
struct ServedTimelines {
  Approval approval;
  std::string name, alias;
  TimelineModel model;
  std::string id() const { return approval.name; }
};
using TimelinesPtr = std::shared_ptr<const ServedTimelines>;

// Who asks, and what for; every answer is recorded with it.
struct Asker {
  std::string user, why, from, trace;
};

struct Answered {
  std::string id;  // of this answer, as in the trail
  Reply reply;
  Time as_of, at;
  bool synthetic = false;  // the patient does not exist, or those who trained the model do not
};

struct FhirWrite {
  std::string_view json;
  std::string url;                        // fullUrl
  std::string id;                         // of a PUT; empty: a new one is made
  std::optional<PatientId> patient = {};  // whose it is, where it does not say so itself
};

class Hospital {
 public:
  // Makes what is missing, with a key for the trail. Throws where what lies there is damaged.
  Hospital(const fs::path& home, const DatabaseAt& live);
  ~Hospital();

  const Home& home() const;
  DatabasePool& live();
  AuditTrail& trail();

  // Read anew when an approval is added. Those that cannot be served are left out and named.
  struct Models {
    std::vector<ModelPtr> served;
    std::vector<TimelinesPtr> timelines;
    std::vector<std::string> problems;
  };
  std::shared_ptr<const Models> models();
  // "sepsis" is sepsis@champion. Throws Fault::missing with the names that there are.
  ModelPtr model(const std::string& name);
  // The same, but for shadows, whose answers nobody may see.
  ModelPtr answering_model(const std::string& name);
  // Of models of timelines, but for shadows; null where the name is none of theirs.
  TimelinesPtr timelines(const std::string& name);
  // Of either kind. Throws Fault::missing.
  Approval approval(const std::string& name);

  // By the id of the FHIR resource, an identifier "system|value", or the store's number.
  std::optional<PatientId> find(const std::string& id);
  // As another system names the patient: by the id of its FHIR resource or an identifier. A number
  // of the store is none of theirs, but where the hospital is synthetic.
  std::optional<PatientId> find_outside(const std::string& id);
  std::string fhir_id(PatientId patient);
  // What a code means; empty where nobody said.
  std::string meaning(std::string_view code);
  // What the bulk store says of these codes and of all above them.
  std::vector<CodeInfo> code_infos(const CodeBook& codes);
  // Bulk and live; throws Fault::missing where nothing is known of the patient.
  struct Record {
    Timeline timeline;
    std::vector<LiveEvent> live;  // with their sources
    bool synthetic = false;
    Digest store = {};                       // of the bulk store that it was read from
    std::vector<std::string> patients = {};  // at hand: ids of Patient resources
    std::string subject = {};                // at hand: "Patient/12"
  };
  // `more`: as if it stood there, too.
  Record record(PatientId patient, std::vector<LiveEvent> more = {});
  // Every patient, bulk and live, in the order of the store, then those who are live alone.
  void each_record(const std::function<void(PatientId, Record)>& use);
  // How many that may be: who is in both counts twice.
  std::uint64_t most_patients();
  // Of resources and Bundles at hand alone (read_fhir_at_hand); nothing is kept.
  static Record record_of(const std::vector<std::string>& texts, Time now);

  // One resource into the live record, inside DatabasePool::write.
  LiveRecord::Written arrive(Database& database, const FhirWrite& write, Time now);

  struct Asked {
    const ServedModel& model;
    const Record& record;
    std::string subject;  // as the trail names the patient
    Time as_of;
    ExplainOptions explain;
  };
  // Recorded before it returns; several are recorded with one flush.
  Answered ask(const Asked& asked, const Asker& asker);
  std::vector<Answered> ask(std::span<const Asked> asked, const Asker& asker);
  // Anything else that has to be told; `fields` is a JSON object.
  void note(const Asker& asker, const std::string& what, const std::string& fields = "{}");
  // The same inside DatabasePool::write, before the write is kept: what cannot be recorded is not
  // done. One flush for all writes that wait.
  static void note(Database& database, const Asker& asker, const std::string& what,
                   const std::string& fields = "{}");

  Digest store_digest();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Now, in the store's resolution.
Time now();

}  // namespace cangong
