// What a kind of job is, and what it is given while it runs.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "engine/hospital.h"

namespace cangong {

struct Job;

// Thrown by a job that was asked to stop; it goes on, or is cancelled, as was wished.
struct JobStopped {};

// What a job tells while it runs; all of it lies in the live record.
class JobRun {
 public:
  virtual ~JobRun() = default;
  virtual const Job& job() const = 0;
  // A folder of its own, made when it is first asked for; it stays for a day after the job's end.
  virtual fs::path folder() = 0;
  // Whether the service ends or the job was cancelled: then throw JobStopped soon.
  virtual bool is_stopping() = 0;
  virtual void progress(std::uint64_t done, std::uint64_t total) = 0;
  virtual void say(const std::string& line) = 0;
  // A point of a learning curve.
  virtual void measured(const std::string& series, double step, double value) = 0;
};

// Long kinds (learning, imports) wait for each other; short ones for short ones.
enum class Lane { brief, lengthy };

struct JobKind {
  std::string_view name;
  Lane lane;
  // What it is about, "heart@champion": two of one kind about the same are never under way
  // together; empty: any number may wait.
  // Throws Fault::input where the request, a JSON object, asks for what cannot be done.
  std::string (*about)(Hospital& hospital, const std::string& request);
  // Does it, or goes on with what a run before left; returns what came out, a JSON object.
  std::string (*run)(Hospital& hospital, JobRun& run);
};

// A model's answer for every patient, as of now. Request: {"model": NAME}.
extern const JobKind kPredictJob;
// Done by this program in a process of its own (job_program.cpp), which tells its progress,
// learning curves and notes. Files come from the home's inbox; texts are YAML.
// {"format": "csv", "path": "visits.csv", "mapping": TEXT, "zone": "+08:00", "most_rejected": 0.1}
extern const JobKind kImportJob;
// {"name": "aki", "task": TEXT, "recipe": TEXT}: labels, trains, judges on held-out patients;
// leaves models/NAME and reports/NAME.
extern const JobKind kTrainJob;
// {"model": NAME}: judges an approved model on the store as it is now; leaves reports/NAME-now.
extern const JobKind kEvaluateJob;
// FHIR Bulk Data 2.0 export of the live record. {"types": [...], "since": TIME, "group": ID,
// "patients": true}: files of NDJSON in the job's folder.
extern const JobKind kExportJob;
// {"name": "all-2026"}: bulk store and live record as one MEDS data set in exports/NAME.
extern const JobKind kMedsJob;
// NDJSON into the live record: kLoadFile in the job's folder.
extern const JobKind kLoadJob;
inline constexpr const char* kLoadFile = "input.ndjson";

}  // namespace cangong
