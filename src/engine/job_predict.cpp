// A model's answer for everybody.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/error.h"
#include "engine/jobs.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kPatientsTogether = 256;  // answers recorded and kept with one flush each

// A model's answer for everybody, as of now. What was answered before a restart stays.
class PredictEverybody {
 public:
  PredictEverybody(Hospital& hospital, JobRun& run)
      : hospital_(hospital), run_(run), job_(run.job()), model_(hospital.model(job_.model)) {}

  std::string run() {
    hospital_.live().read([&](Database& db) {
      db.each("SELECT patient FROM risk WHERE model = ? AND bundle = ? AND job = ?",
              {job_.model, model_->approval.bundle, job_.id},
              [&](const Row& row) { before_.emplace(row.integer(0)); });
    });
    done_ = before_.size();
    run_.progress(done_, total_);
    hospital_.each_record([&](PatientId patient, Hospital::Record record) {
      if (before_.contains(patient)) return;
      patients_.push_back(patient), records_.push_back(std::move(record));
      if (records_.size() == kPatientsTogether) flush();
    });
    flush();
    hospital_.live().write([&](Database& db) {
      db.run("DELETE FROM risk WHERE model = ? AND job != ?", {job_.model, job_.id});
    });
    run_.progress(done_, done_);
    return Json{{"answers", done_}}.dump();
  }

 private:
  void flush() {
    if (run_.is_stopping()) throw JobStopped();
    if (hospital_.model(job_.model)->approval.bundle != model_->approval.bundle)
      fail(Fault::missing, "another bundle was approved under the name meanwhile; start again");
    if (hospital_.store_digest() != store_)
      fail(Fault::missing, "the bulk store was replaced meanwhile; start again");
    if (records_.empty()) return;
    const Time as_of = now();
    std::vector<Hospital::Asked> asked;
    for (std::size_t i = 0; i < records_.size(); ++i)
      asked.push_back({*model_, records_[i], hospital_.fhir_id(patients_[i]), as_of, {}});
    const auto answers = hospital_.ask(asked, {job_.by, "job " + job_.id, "", ""});
    done_ += answers.size();
    hospital_.live().write([&](Database& db) {
      for (std::size_t i = 0; i < answers.size(); ++i) keep(db, patients_[i], answers[i]);
    });
    run_.progress(done_, std::max<std::uint64_t>(total_, done_));
    records_.clear(), patients_.clear();
  }

  void keep(Database& db, PatientId patient, const Answered& answered) {
    std::optional<double> value, low, high;
    if (const auto* p = std::get_if<Prediction>(&answered.reply)) {
      value = p->value;
      if (std::isfinite(p->low)) low = p->low, high = p->high;
    }
    db.run(
        "INSERT INTO risk VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(model, patient) DO UPDATE SET "
        "bundle = excluded.bundle, value = excluded.value, low = excluded.low, high = "
        "excluded.high, "
        "as_of = excluded.as_of, job = excluded.job",
        {job_.model, model_->approval.bundle, patient.for_storage(), value_or_null(value),
         value_or_null(low), value_or_null(high), microseconds_of(answered.as_of), job_.id});
  }

  Hospital& hospital_;
  JobRun& run_;
  const Job& job_;
  ModelPtr model_;
  const std::uint64_t total_ = hospital_.most_patients();
  Digest store_ = hospital_.store_digest();
  std::unordered_set<PatientId> before_;
  std::vector<PatientId> patients_;
  std::vector<Hospital::Record> records_;
  std::size_t done_ = 0;
};

std::string about_predict(Hospital& hospital, const std::string& request) {
  const Json json = Json::parse(request);
  const ModelPtr model = hospital.model(json.value("model", ""));
  if (model->pipeline.main().readout.answer() == Answer::category)
    fail(Fault::input, "the model tells classes, which order nobody");
  return model->id();
}

std::string run_predict(Hospital& hospital, JobRun& run) {
  return PredictEverybody(hospital, run).run();
}

}  // namespace

const JobKind kPredictJob{"predict", Lane::brief, about_predict, run_predict};

}  // namespace cangong
