// A model's answers about the members of a Group, as FHIR resources in files of NDJSON.
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "engine/job_files.h"
#include "engine/jobs.h"
#include "serve/job_kinds.h"
#include "serve/prediction.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMembersTogether = 64;  // recorded with one flush

std::string about_group(Hospital& hospital, const std::string& text) {
  const Json request = Json::parse(text);
  hospital.answering_model(request.at("model").get<std::string>());
  if (members_of(hospital, request.at("group").get<std::string>()).empty())
    fail(Fault::input, "the Group has no member that is known here");
  return "";
}

class PredictGroup {
 public:
  PredictGroup(Hospital& hospital, JobRun& run)
      : hospital_(hospital),
        run_(run),
        request_(Json::parse(run.job().request)),
        model_(hospital.answering_model(request_.at("model").get<std::string>())),
        files_((fs::remove_all(run.folder()), run.folder())) {
    as_of_ = Time(Duration(request_.at("as_of").get<std::int64_t>()));
    if (request_.value("explain", false)) explain_.method = "shap";
    writing_ = {"", request_.at("base"), request_.at("organisation"),
                request_.value("chinese", false)};
  }

  std::string run() {
    const auto members = members_of(hospital_, request_.at("group").get<std::string>());
    std::size_t done = 0;
    for (const PatientId patient : members) {
      if (run_.is_stopping()) throw JobStopped();
      try {
        records_.push_back(hospital_.record(patient)), patients_.push_back(patient);
      } catch (const Error& error) {
        if (error.fault != Fault::missing) throw;
        const Json issue{{"severity", "error"},
                         {"code", "not-found"},
                         {"diagnostics", hospital_.fhir_id(patient) + ": " + error.what()}};
        problems_.add("OperationOutcome",
                      Json{{"resourceType", "OperationOutcome"}, {"issue", {issue}}}.dump());
      }
      if (records_.size() == kMembersTogether) flush();
      run_.progress(++done, members.size());
    }
    flush();
    files_.finish(), problems_.finish();
    return Json{{"at", format_time(now())},
                {"answers", answers_},
                {"output", Json::parse(NdjsonFiles::list(files_.files()))},
                {"deleted", Json::array()},
                {"error", Json::parse(NdjsonFiles::list(problems_.files()))}}
        .dump();
  }

 private:
  void flush() {
    std::vector<Hospital::Asked> asked;
    for (std::size_t i = 0; i < records_.size(); ++i)
      asked.push_back({*model_, records_[i], hospital_.fhir_id(patients_[i]), as_of_, explain_});
    const auto all = hospital_.ask(asked, {run_.job().by, "job " + run_.job().id, "", ""});
    for (std::size_t i = 0; i < all.size(); ++i) {
      writing_.subject = "Patient/" + asked[i].subject;
      write(prediction_bundle(*model_, all[i], writing_));
    }
    answers_ += all.size();
    records_.clear(), patients_.clear();
  }

  // The model's Device stands in each answer's Bundle, and once in the files.
  void write(const std::string& bundle) {
    const Json json = Json::parse(bundle);
    for (const Json& entry : json.at("entry")) {
      const Json& resource = entry.at("resource");
      const std::string type = resource.at("resourceType");
      if (type == "Device" && !devices_.insert(resource.at("id").get<std::string>()).second)
        continue;
      files_.add(type, resource.dump());
    }
  }

  Hospital& hospital_;
  JobRun& run_;
  const Json request_;
  const ModelPtr model_;
  NdjsonFiles files_, problems_{run_.folder()};
  Time as_of_;
  ExplainOptions explain_;
  Writing writing_;
  std::set<std::string> devices_;
  std::vector<PatientId> patients_;
  std::vector<Hospital::Record> records_;
  std::uint64_t answers_ = 0;
};

std::string run_group(Hospital& hospital, JobRun& run) {
  return PredictGroup(hospital, run).run();
}

}  // namespace

const JobKind kGroupJob{"predict_group", Lane::brief, about_group, run_group};

}  // namespace cangong
