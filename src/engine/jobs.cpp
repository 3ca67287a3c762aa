#include "engine/jobs.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/new_id.h"
#include "base/text.h"
#include "engine/risks.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;
using Kinds = std::span<const JobKind* const>;

// Texts of a job by part: "request", "result" (one of each), "line", "point" (numbered).
constexpr const char* kJobTables = R"(
CREATE TABLE IF NOT EXISTS job(id TEXT PRIMARY KEY, kind TEXT NOT NULL, model TEXT NOT NULL,
  who TEXT NOT NULL, state BIGINT NOT NULL, created BIGINT NOT NULL, started BIGINT, ended BIGINT,
  done BIGINT NOT NULL, total BIGINT NOT NULL, problem TEXT NOT NULL, cancelled INT NOT NULL);
CREATE TABLE IF NOT EXISTS job_text(job TEXT NOT NULL, part TEXT NOT NULL, number BIGINT NOT NULL,
  at BIGINT NOT NULL, body TEXT NOT NULL, PRIMARY KEY(job, part, number));
)";
constexpr const char* kColumns =
    "id, kind, model, who, state, created, started, ended, done, total, problem";
constexpr std::int64_t kMostTexts = 2000;  // lines, and points, of one job
constexpr std::int64_t kShownLines = 200, kMostWaiting = 100;
constexpr auto kFilesKept = std::chrono::hours(24);
constexpr auto kBetweenUpdates = std::chrono::milliseconds(200);

Job job_of(const Row& row) {
  Job job;
  job.id = row.text(0), job.kind = row.text(1), job.model = row.text(2), job.by = row.text(3);
  job.state = static_cast<Job::State>(row.integer(4));
  job.created = time_at(row.integer(5));
  if (!row.is_null(6)) job.started = time_at(row.integer(6));
  if (!row.is_null(7)) job.ended = time_at(row.integer(7));
  job.done = static_cast<std::uint64_t>(row.integer(8));
  job.total = static_cast<std::uint64_t>(row.integer(9));
  job.problem = row.text(10);
  return job;
}

bool is_over(const Job& job) {
  return job.state != Job::State::queued && job.state != Job::State::running;
}

const JobKind* kind_named(Kinds kinds, const std::string& name) {
  for (const JobKind* kind : kinds)
    if (kind->name == name) return kind;
  return nullptr;
}

void add_text(Database& db, const std::string& job, const std::string& part,
              const std::string& body) {
  const auto last =
      db.integer("SELECT max(number) FROM job_text WHERE job = ? AND part = ?", {job, part});
  const std::int64_t number = last.value_or(0) + 1;
  db.run("INSERT INTO job_text VALUES(?, ?, ?, ?, ?)",
         {job, part, number, microseconds_of(now()), body});
  db.run("DELETE FROM job_text WHERE job = ? AND part = ? AND number <= ?",
         {job, part, number - kMostTexts});
}

// Writes what a running job tells, the numbers a few times a second.
class Telling : public JobRun {
 public:
  Telling(Hospital& hospital, Job job, fs::path folder, std::function<bool()> stop)
      : hospital_(hospital),
        job_(std::move(job)),
        folder_(std::move(folder)),
        stop_(std::move(stop)) {}
  ~Telling() override {
    try {
      write_progress();
    } catch (const std::exception&) {
      // The figures are a little behind.
    }
  }

  const Job& job() const override { return job_; }
  fs::path folder() override {
    fs::create_directories(folder_);
    return folder_;
  }
  bool is_stopping() override { return stop_(); }
  void progress(std::uint64_t done, std::uint64_t total) override {
    job_.done = done, job_.total = total, changed_ = true;
    const auto clock = std::chrono::steady_clock::now();
    if (clock - written_ < kBetweenUpdates) return;
    written_ = clock;
    write_progress();
  }
  void say(const std::string& line) override {
    hospital_.live().write([&](Database& db) { add_text(db, job_.id, "line", line); });
  }
  void measured(const std::string& series, double step, double value) override {
    const std::string body = Json{{"series", series}, {"step", step}, {"value", value}}.dump();
    hospital_.live().write([&](Database& db) {
      if (told_.insert(series).second) forget_points(db, series, step);
      add_text(db, job_.id, "point", body);
    });
  }

 private:
  // What a run before a restart measured from `step` on is measured again.
  void forget_points(Database& db, const std::string& series, double step) {
    std::vector<std::int64_t> again;
    bool is_before = false;  // of several fits the last one is gone on with
    db.each(
        "SELECT number, body FROM job_text WHERE job = ? AND part = 'point' ORDER BY number DESC",
        {job_.id}, [&](const Row& row) {
          const Json point = Json::parse(row.text(1));
          if (is_before || point["series"] != series) return;
          is_before = point["step"] <= step;
          if (point["step"] >= step) again.push_back(row.integer(0));
        });
    for (const std::int64_t number : again)
      db.run("DELETE FROM job_text WHERE job = ? AND part = 'point' AND number = ?",
             {job_.id, number});
  }
  void write_progress() {
    if (!changed_) return;
    changed_ = false;
    hospital_.live().write([&](Database& db) {
      db.run(
          "UPDATE job SET done = ?, total = ? WHERE id = ?",
          {static_cast<std::int64_t>(job_.done), static_cast<std::int64_t>(job_.total), job_.id});
    });
  }

  Hospital& hospital_;
  Job job_;
  const fs::path folder_;
  const std::function<bool()> stop_;
  bool changed_ = false;
  std::set<std::string> told_;  // series of this run
  std::chrono::steady_clock::time_point written_{};
};

}  // namespace

const char* name_of(Job::State state) {
  constexpr const char* kNames[] = {"queued", "running", "done", "failed", "cancelled"};
  return kNames[static_cast<int>(state)];
}

struct Jobs::State {
  Hospital& hospital;
  Kinds kinds;
  std::mutex mutex;
  std::condition_variable_any changed;
  std::uint64_t arrived = 0;  // jobs so far
  std::jthread brief, lengthy;

  State(Hospital& hospital, Kinds kinds) : hospital(hospital), kinds(kinds) {}

  void set(const Job& job, Job::State state, const char* column, const std::string& problem = "") {
    hospital.live().write([&](Database& db) {
      db.run(std::string("UPDATE job SET state = ?, problem = ?, ") + column + " = ? WHERE id = ?",
             {static_cast<std::int64_t>(state), problem, microseconds_of(now()), job.id});
    });
  }

  std::string text(const std::string& job, const std::string& part) {
    std::string text;
    hospital.live().read([&](Database& db) {
      db.each("SELECT body FROM job_text WHERE job = ? AND part = ?", {job, part},
              [&](const Row& row) { text = row.text(0); });
    });
    return text;
  }

  // The one that a stop left running, else the oldest that waits. What an older or newer program
  // knew goes to the brief lane, to fail there.
  std::optional<Job> next(Lane lane) {
    std::optional<Job> job;
    hospital.live().read([&](Database& db) {
      db.each(std::string("SELECT ") + kColumns +
                  " FROM job WHERE state IN (0, 1) ORDER BY state DESC, created, id",
              {}, [&](const Row& row) {
                if (job) return;
                Job one = job_of(row);
                const JobKind* kind = kind_named(kinds, one.kind);
                if ((kind ? kind->lane : Lane::brief) == lane) job = std::move(one);
              });
    });
    if (job) job->request = text(job->id, "request");
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

  fs::path folder(const std::string& id) const { return hospital.home().path / "jobs" / id; }

  void run(const Job& job, const std::stop_token& stop) {
    const JobKind* kind = kind_named(kinds, job.kind);
    if (job.state == Job::State::queued) set(job, Job::State::running, "started");
    try {
      if (!kind) fail(Fault::input, "this program knows no such kind of job");
      Telling telling(hospital, job, folder(job.id),
                      [&] { return stop.stop_requested() || is_cancelled(job.id); });
      const std::string result = kind->run(hospital, telling);
      hospital.live().write([&](Database& db) {
        db.run("DELETE FROM job_text WHERE job = ? AND part = 'result'", {job.id});
        add_text(db, job.id, "result", result);
      });
      set(job, Job::State::done, "ended");
    } catch (const JobStopped&) {
      if (!is_cancelled(job.id)) return;
      set(job, Job::State::cancelled, "ended");
      std::error_code ignored;
      fs::remove_all(folder(job.id), ignored);
    } catch (const std::exception& error) {
      set(job, Job::State::failed, "ended", error.what());
    }
  }

  // Files of jobs that ended a day ago are of no further use.
  void sweep() {
    const fs::path all = hospital.home().path / "jobs";
    if (!fs::exists(all)) return;
    for (const auto& entry : fs::directory_iterator(all)) {
      const auto ended = [&] {
        std::optional<std::int64_t> at;
        hospital.live().read([&](Database& db) {
          at = db.integer("SELECT ended FROM job WHERE id = ? AND ended IS NOT NULL",
                          {entry.path().filename().string()});
        });
        return at;
      }();
      if (ended && time_at(*ended) + kFilesKept < now()) fs::remove_all(entry.path());
    }
  }

  void work(const std::stop_token& stop, Lane lane) {
    std::uint64_t seen = 0;
    std::optional<Time> swept;
    while (!stop.stop_requested()) {
      try {
        if (const auto job = next(lane)) {
          run(*job, stop);
          continue;
        }
        if (lane == Lane::brief && (!swept || *swept + std::chrono::hours(1) < now()))
          swept = now(), sweep();
      } catch (const std::exception&) {
        // The record cannot be read or written now: later again.
      }
      std::unique_lock lock(mutex);
      changed.wait_for(lock, stop, std::chrono::seconds(1), [&] { return arrived != seen; });
      seen = arrived;
    }
  }
};

Jobs::Jobs(Hospital& hospital, Kinds kinds) : state_(std::make_unique<State>(hospital, kinds)) {
  hospital.live().write([](Database& db) {
    db.script(kJobTables);
    prepare_risks(db);
  });
  State* state = state_.get();
  state->brief =
      std::jthread([state](const std::stop_token& stop) { state->work(stop, Lane::brief); });
  state->lengthy =
      std::jthread([state](const std::stop_token& stop) { state->work(stop, Lane::lengthy); });
}

Jobs::~Jobs() {
  state_->brief.request_stop(), state_->lengthy.request_stop();
}

Job Jobs::start(const Request& request, const Asker& asker) {
  const JobKind* kind = kind_named(state_->kinds, request.kind);
  std::vector<std::string> names;
  for (const JobKind* known : state_->kinds) names.emplace_back(known->name);
  if (!kind) fail(Fault::input, "a job is one of: " + join(names, ", "));
  Job job;
  job.kind = request.kind, job.request = request.body, job.by = asker.user;
  job.model = kind->about(state_->hospital, request.body);
  job.created = now(), job.id = new_id(job.created);
  const fs::path folder = state_->folder(job.id);
  try {
    if (request.prepare) fs::create_directories(folder), request.prepare(folder);
    state_->hospital.live().write([&](Database& db) {
      if (!job.model.empty() &&
          db.integer("SELECT 1 FROM job WHERE state IN (0, 1) AND kind = ? AND model = ?",
                     {job.kind, job.model}))
        fail(Fault::input, "such a job is under way already");
      if (db.integer("SELECT count(*) FROM job WHERE state IN (0, 1)").value_or(0) >= kMostWaiting)
        fail(Fault::input, "too many jobs wait already; try again when some are done");
      // Before it is kept: what cannot be recorded is not done.
      const Json about{{"job", job.id}, {"kind", job.kind}, {"name", job.model}};
      state_->hospital.note(asker, "start_job", about.dump());
      db.run("INSERT INTO job VALUES(?, ?, ?, ?, 0, ?, NULL, NULL, 0, 0, '', 0)",
             {job.id, job.kind, job.model, job.by, microseconds_of(job.created)});
      add_text(db, job.id, "request", job.request);
    });
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
    throw;
  }
  {
    const std::lock_guard lock(state_->mutex);
    ++state_->arrived;
  }
  state_->changed.notify_all();
  return job;
}

Job Jobs::cancel(const std::string& id) {
  const auto job = find(id);
  if (!job) fail(Fault::missing, "no such job");
  if (is_over(*job)) return *job;
  state_->hospital.live().write([&](Database& db) {
    db.run("UPDATE job SET state = 4, ended = ? WHERE id = ? AND state = 0",
           {microseconds_of(now()), id});
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
  if (job) job->request = state_->text(id, "request");
  return job;
}

JobDetail Jobs::detail(const std::string& id) {
  JobDetail detail;
  detail.result = state_->text(id, "result");
  state_->hospital.live().read([&](Database& db) {
    db.each(
        "SELECT at, body FROM job_text WHERE job = ? AND part = 'line' ORDER BY number DESC "
        "LIMIT ?",
        {id, kShownLines}, [&](const Row& row) {
          detail.lines.push_back({time_at(row.integer(0)), std::string(row.text(1))});
        });
    db.each("SELECT body FROM job_text WHERE job = ? AND part = 'point' ORDER BY number", {id},
            [&](const Row& row) {
              const Json point = Json::parse(row.text(0));
              detail.curve.push_back({point.at("series"), point.at("step"), point.at("value")});
            });
  });
  std::reverse(detail.lines.begin(), detail.lines.end());
  return detail;
}

fs::path Jobs::folder(const std::string& id) const {
  return state_->folder(id);
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

}  // namespace cangong
