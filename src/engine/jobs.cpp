#include "engine/jobs.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <unordered_set>

#include "base/error.h"
#include "base/new_id.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kTables = R"(
CREATE TABLE IF NOT EXISTS job(id TEXT PRIMARY KEY, kind TEXT NOT NULL, model TEXT NOT NULL,
  who TEXT NOT NULL, state BIGINT NOT NULL, created BIGINT NOT NULL, started BIGINT, ended BIGINT,
  done BIGINT NOT NULL, total BIGINT NOT NULL, problem TEXT NOT NULL, cancelled INT NOT NULL);
CREATE TABLE IF NOT EXISTS risk(model TEXT NOT NULL, bundle TEXT NOT NULL, patient BIGINT NOT NULL,
  value DOUBLE PRECISION, low DOUBLE PRECISION, high DOUBLE PRECISION, as_of BIGINT NOT NULL,
  job TEXT NOT NULL, PRIMARY KEY(model, patient));
CREATE INDEX IF NOT EXISTS risk_value ON risk(model, bundle, value DESC);
)";
constexpr const char* kColumns =
    "id, kind, model, who, state, created, started, ended, done, total, problem";
constexpr std::size_t kTogether = 256;  // answers recorded and kept with one flush each

std::int64_t stored(Time time) {
  return time.time_since_epoch().count();
}
Time time_from(std::int64_t stored) {
  return Time(Duration(stored));
}

Job job_of(const Row& row) {
  Job job;
  job.id = row.text(0), job.kind = row.text(1), job.model = row.text(2), job.by = row.text(3);
  job.state = static_cast<Job::State>(row.integer(4));
  job.created = time_from(row.integer(5));
  if (!row.is_null(6)) job.started = time_from(row.integer(6));
  if (!row.is_null(7)) job.ended = time_from(row.integer(7));
  job.done = static_cast<std::uint64_t>(row.integer(8));
  job.total = static_cast<std::uint64_t>(row.integer(9));
  job.problem = row.text(10);
  return job;
}

bool is_over(const Job& job) {
  return job.state != Job::State::queued && job.state != Job::State::running;
}

// Ends the reading of the store early.
struct Stopped {};

// A model's answer for everybody, as of now. What was answered before a restart stays.
class PredictEverybody {
 public:
  PredictEverybody(Hospital& hospital, const Job& job, std::function<bool()> stop)
      : hospital_(hospital), job_(job), stop_(std::move(stop)), model_(hospital.model(job.model)) {}

  void run() {
    hospital_.live().read([&](Database& db) {
      db.each("SELECT patient FROM risk WHERE model = ? AND bundle = ? AND job = ?",
              {job_.model, model_->approval.bundle, job_.id},
              [&](const Row& row) { before_.emplace(row.integer(0)); });
    });
    done_ = before_.size();
    const auto total = static_cast<std::int64_t>(hospital_.most_patients());
    hospital_.live().write([&](Database& db) {
      db.run("UPDATE job SET total = ? WHERE id = ?", {total, job_.id});
    });
    hospital_.each_record([&](PatientId patient, Hospital::Record record) {
      if (before_.contains(patient)) return;
      patients_.push_back(patient), records_.push_back(std::move(record));
      if (records_.size() == kTogether) flush();
    });
    flush();
    hospital_.live().write([&](Database& db) {
      db.run("DELETE FROM risk WHERE model = ? AND job != ?", {job_.model, job_.id});
      db.run("UPDATE job SET total = done WHERE id = ?", {job_.id});
    });
  }

 private:
  void flush() {
    if (stop_()) throw Stopped();
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
      db.run("UPDATE job SET done = ? WHERE id = ?", {static_cast<std::int64_t>(done_), job_.id});
    });
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
         value_or_null(low), value_or_null(high), stored(answered.as_of), job_.id});
  }

  Hospital& hospital_;
  const Job& job_;
  std::function<bool()> stop_;
  ModelPtr model_;
  Digest store_ = hospital_.store_digest();
  std::unordered_set<PatientId> before_;
  std::vector<PatientId> patients_;
  std::vector<Hospital::Record> records_;
  std::size_t done_ = 0;
};

}  // namespace

const char* name_of(Job::State state) {
  constexpr const char* kNames[] = {"queued", "running", "done", "failed", "cancelled"};
  return kNames[static_cast<int>(state)];
}

struct Jobs::State {
  Hospital& hospital;
  std::mutex mutex;
  std::condition_variable_any changed;
  bool arrived = false;  // a job, since the worker looked
  std::jthread worker;

  explicit State(Hospital& hospital) : hospital(hospital) {}

  void set(const Job& job, Job::State state, const char* column, const std::string& problem = "") {
    hospital.live().write([&](Database& db) {
      db.run(std::string("UPDATE job SET state = ?, problem = ?, ") + column + " = ? WHERE id = ?",
             {static_cast<std::int64_t>(state), problem, stored(now()), job.id});
    });
  }

  // The one that a stop left running, else the oldest that waits.
  std::optional<Job> next() {
    std::optional<Job> job;
    hospital.live().read([&](Database& db) {
      db.each(std::string("SELECT ") + kColumns +
                  " FROM job WHERE state IN (0, 1) ORDER BY state DESC, created, id LIMIT 1",
              {}, [&](const Row& row) { job = job_of(row); });
    });
    return job;
  }

  // Also where it was cancelled under a service before.
  bool is_cancelled(const std::string& id) {
    bool wish = false;
    hospital.live().read([&](Database& db) {
      wish = db.integer("SELECT cancelled FROM job WHERE id = ?", {id}).value_or(0) != 0;
    });
    return wish;
  }

  void run(const Job& job, const std::stop_token& stop) {
    if (job.state == Job::State::queued) set(job, Job::State::running, "started");
    try {
      PredictEverybody(hospital, job, [&] {
        return stop.stop_requested() || is_cancelled(job.id);
      }).run();
      set(job, Job::State::done, "ended");
    } catch (const Stopped&) {
      if (is_cancelled(job.id)) set(job, Job::State::cancelled, "ended");
    } catch (const std::exception& error) {
      set(job, Job::State::failed, "ended", error.what());
    }
  }

  void work(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      try {
        if (const auto job = next()) {
          run(*job, stop);
          continue;
        }
      } catch (const std::exception&) {
        // The record cannot be read or written now: later again.
      }
      std::unique_lock lock(mutex);
      changed.wait_for(lock, stop, std::chrono::seconds(1), [&] { return arrived; });
      arrived = false;
    }
  }
};

Jobs::Jobs(Hospital& hospital) : state_(std::make_unique<State>(hospital)) {
  hospital.live().write([](Database& db) { db.script(kTables); });
  state_->worker =
      std::jthread([state = state_.get()](const std::stop_token& stop) { state->work(stop); });
}
Jobs::~Jobs() = default;

const std::vector<std::string>& Jobs::kinds() {
  static const std::vector<std::string> kAll{"predict"};
  return kAll;
}

Job Jobs::start(const std::string& kind, const std::string& model, const Asker& asker) {
  if (std::find(kinds().begin(), kinds().end(), kind) == kinds().end())
    fail(Fault::input, "a job is one of: predict");
  Job job;
  const ModelPtr asked = state_->hospital.model(model);
  if (asked->pipeline.main().readout.answer() == Answer::category)
    fail(Fault::input, "the model tells classes, which order nobody");
  job.kind = kind, job.model = asked->id(), job.by = asker.user;
  job.created = now(), job.id = new_id(job.created);
  state_->hospital.live().write([&](Database& db) {
    if (db.integer("SELECT 1 FROM job WHERE state IN (0, 1) AND kind = ? AND model = ?",
                   {job.kind, job.model}))
      fail(Fault::input, "such a job is under way already");
    // Before it is kept: what cannot be recorded is not done.
    const Json about{{"job", job.id}, {"kind", job.kind}, {"name", job.model}};
    state_->hospital.note(asker, "start_job", about.dump());
    db.run("INSERT INTO job VALUES(?, ?, ?, ?, 0, ?, NULL, NULL, 0, 0, '', 0)",
           {job.id, job.kind, job.model, job.by, stored(job.created)});
  });
  {
    const std::lock_guard lock(state_->mutex);
    state_->arrived = true;
  }
  state_->changed.notify_all();
  return job;
}

Job Jobs::cancel(const std::string& id) {
  const auto job = find(id);
  if (!job) fail(Fault::missing, "no such job");
  if (is_over(*job)) return *job;
  state_->hospital.live().write([&](Database& db) {
    db.run("UPDATE job SET state = 4, ended = ? WHERE id = ? AND state = 0", {stored(now()), id});
    db.run("UPDATE job SET cancelled = 1 WHERE id = ?", {id});
  });
  return *find(id);
}

std::optional<Job> Jobs::find(const std::string& id) {
  std::optional<Job> job;
  state_->hospital.live().read([&](Database& db) {
    db.each(std::string("SELECT ") + kColumns + " FROM job WHERE id = ?", {id},
            [&](const Row& row) { job = job_of(row); });
  });
  return job;
}

std::vector<Job> Jobs::latest(std::size_t most) {
  std::vector<Job> all;
  state_->hospital.live().read([&](Database& db) {
    db.each(std::string("SELECT ") + kColumns + " FROM job ORDER BY created DESC, id DESC LIMIT ?",
            {static_cast<std::int64_t>(most)}, [&](const Row& row) { all.push_back(job_of(row)); });
  });
  return all;
}

std::vector<std::pair<Job::State, std::uint64_t>> Jobs::by_state() {
  std::vector<std::pair<Job::State, std::uint64_t>> all;
  for (int k = 0; k <= static_cast<int>(Job::State::cancelled); ++k)
    all.emplace_back(static_cast<Job::State>(k), 0);
  state_->hospital.live().read([&](Database& db) {
    db.each("SELECT state, count(*) FROM job GROUP BY state", {}, [&](const Row& row) {
      all.at(static_cast<std::size_t>(row.integer(0))).second =
          static_cast<std::uint64_t>(row.integer(1));
    });
  });
  return all;
}

RiskList risks(Hospital& hospital, const RiskQuery& query) {
  RiskList list;
  const auto risk_of = [](const Row& row) {
    const auto number = [&](int column) {
      return row.is_null(column) ? std::nullopt : std::optional(row.real(column));
    };
    return Risk{PatientId(row.integer(0)), number(1), number(2), number(3),
                time_from(row.integer(4))};
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
    db.each(what + " ORDER BY value DESC, patient LIMIT ? OFFSET ?",
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
