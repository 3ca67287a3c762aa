#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "base/progress.h"
#include "engine/job_files.h"
#include "engine/jobs.h"
#include "serve/bulk_source.h"
#include "serve/live_database.h"
#include "serve/pull.h"
#include "source/fhir_record.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;
using namespace std::chrono_literals;

const BulkSourceConfig& source_in(const ServiceConfig& config, const std::string& name) {
  for (const BulkSourceConfig& source : config.sources)
    if (source.name == name) return source;
  fail(Fault::input, "config.yaml names no such source (sources:)");
}

// Where the next pull begins.
fs::path mark_of(const Home& home, const std::string& source) {
  return home.path / "pulls" / (source + ".json");
}

// Steps that were done are not done again: what is known of the export lies in the job's folder.
class Pull {
 public:
  Pull(Hospital& hospital, JobRun& run, std::string name)
      : hospital_(hospital),
        run_(run),
        config_(load_service_config(hospital.home().config())),
        source_(source_in(config_, name)),
        outbound_(config_.outbound, hospital),
        key_(OwnKey::open(hospital.home().keys() / "client.pem")),
        asker_{run.job().by, "job " + run.job().id, "", ""},
        bulk_(source_, {outbound_, key_, asker_}) {}

  std::string run() {
    const fs::path kept = run_.folder() / "export.json";
    Json state = fs::exists(kept) ? Json::parse(read_file(kept)) : Json::object();
    if (!state.contains("at")) {
      for (const auto& left : fs::directory_iterator(run_.folder()))
        fs::remove(left.path());  // of an export that the source forgot
      state["at"] = bulk_.begin(since());
      write_file(kept, state.dump());
      run_.say("the source prepares an export");
    }
    const std::string at = state["at"];
    const BulkManifest manifest = wait_for(at, kept);
    fetch_all(manifest);
    const std::uint64_t deleted = take_deletions(manifest);
    Json told = Json::parse(load_lines(hospital_, run_));
    told["deleted"] = deleted;
    told["since"] = since(), told["until"] = manifest.at;
    fs::create_directories(mark_of(hospital_.home(), source_.name).parent_path());
    write_file(mark_of(hospital_.home(), source_.name), Json{{"since", manifest.at}}.dump());
    bulk_.end(at);
    told.erase("output"), told.erase("error");
    return told.dump();
  }

 private:
  std::string since() {
    const fs::path mark = mark_of(hospital_.home(), source_.name);
    return fs::exists(mark) ? Json::parse(read_file(mark)).value("since", "") : "";
  }

  void pause(std::chrono::seconds wait) {
    const auto end = std::chrono::steady_clock::now() + wait;
    while (std::chrono::steady_clock::now() < end) {
      if (run_.is_stopping()) throw JobStopped();
      std::this_thread::sleep_for(100ms);
    }
  }

  // An export that the source has forgotten meanwhile is begun anew by the next job.
  BulkManifest wait_for(const std::string& at, const fs::path& kept) {
    constexpr int kMostFailures = 10;  // that a network has for a while
    std::string told;
    for (int failures = 0;;) {
      try {
        BulkSource::Status status = bulk_.status(at);
        if (status.manifest) return std::move(*status.manifest);
        if (!status.progress.empty() && status.progress != told)
          run_.say("the source says: " + (told = status.progress));
        failures = 0;
        pause(status.wait);
      } catch (const Error& error) {
        if (error.fault == Fault::input) fs::remove(kept);
        if (error.fault != Fault::missing || ++failures == kMostFailures) throw;
        pause(5s);
      }
    }
  }

  fs::path file_of(const char* kind, std::size_t number) {
    return run_.folder() / (std::string(kind) + "-" + std::to_string(number) + ".ndjson");
  }

  // Each whole under its name, or not there.
  void fetch(const std::string& url, Access access, const fs::path& into) {
    if (run_.is_stopping()) throw JobStopped();
    if (fs::exists(into)) return;
    const fs::path part = into.string() + ".part";
    try {
      bulk_.fetch(url, access, part, [&] { return run_.is_stopping(); });
    } catch (const Error&) {
      if (run_.is_stopping()) throw JobStopped();
      throw;
    }
    fs::rename(part, into);
  }

  void fetch_all(const BulkManifest& manifest) {
    for (std::size_t k = 0; k < manifest.output.size(); ++k) {
      if (!is_fhir_type(manifest.output[k].type)) {
        run_.say("left out: " + manifest.output[k].type.substr(0, 60));
        continue;
      }
      fetch(manifest.output[k].url, manifest.access, file_of("output", k));
      run_.say(manifest.output[k].type + " " + std::to_string(k + 1) + "/" +
               std::to_string(manifest.output.size()));
    }
    std::ofstream all(run_.folder() / kLoadFile, std::ios::binary | std::ios::trunc);
    for (std::size_t k = 0; k < manifest.output.size(); ++k) {
      std::ifstream one(file_of("output", k), std::ios::binary);
      if (one && one.peek() != std::ifstream::traits_type::eof()) all << one.rdbuf() << '\n';
    }
    if (!all.flush()) fail(Fault::storage, "cannot write what was fetched; is the disk full?");
  }

  // Bundles of type transaction, whose entries ask to DELETE "Observation/12".
  std::uint64_t take_deletions(const BulkManifest& manifest) {
    std::uint64_t count = 0;
    for (std::size_t k = 0; k < manifest.deleted.size(); ++k) {
      const fs::path file = file_of("deleted", k);
      fetch(manifest.deleted[k].url, manifest.access, file);
      LineReader lines(file);
      while (const auto line = lines.next())
        if (!line->text.empty()) count += take_deletions(std::string(line->text));
    }
    return count;
  }

  std::uint64_t take_deletions(const std::string& bundle) {
    constexpr std::size_t kMost = 1'000'000;
    std::uint64_t count = 0;
    const FhirBundle parts = take_bundle_apart(bundle, kMost);
    hospital_.live().write([&](Database& db) {
      count = 0;
      Json names = Json::array();
      for (const BundleEntry& entry : parts.entries) {
        const std::size_t slash = entry.target.find('/');
        if (entry.method != "DELETE" || slash == std::string::npos) continue;
        const auto removed = LiveRecord(db).remove(entry.target.substr(0, slash),
                                                   entry.target.substr(slash + 1), now());
        if (removed) names.push_back(removed->type + "/" + removed->id), ++count;
      }
      if (count > 0)
        Hospital::note(db, asker_, "delete", Json{{"resources", names}}.dump());
    });
    return count;
  }

  Hospital& hospital_;
  JobRun& run_;
  const ServiceConfig config_;
  const BulkSourceConfig& source_;
  Outbound outbound_;
  OwnKey key_;
  Asker asker_;
  BulkSource bulk_;
};

std::string source_of(const std::string& request) {
  const Json json = Json::parse(request);
  const auto found = json.find("source");
  if (found == json.end() || !found->is_string()) fail(Fault::input, "the job needs \"source\"");
  return *found;
}

// Under way about a source is one at a time.
std::string about_pull(Hospital& hospital, const std::string& request) {
  const ServiceConfig config = load_service_config(hospital.home().config());
  return source_in(config, source_of(request)).name;
}

std::string run_pull(Hospital& hospital, JobRun& run) {
  return Pull(hospital, run, source_of(run.job().request)).run();
}

// Of the command line: told to its caller, ended by Ctrl-C.
class Foreground : public JobRun {
 public:
  Foreground(const PullRequest& request, const Home& home)
      : request_(request), folder_(home.path / "jobs" / ("pull-" + request.source)) {
    job_.kind = "pull", job_.model = request.source, job_.by = "(command line)";
    job_.id = "pull-" + request.source;
  }
  const Job& job() const override { return job_; }
  fs::path folder() override {
    fs::create_directories(folder_);
    return folder_;
  }
  bool is_stopping() override { return interrupted(); }
  void progress(std::uint64_t done, std::uint64_t total) override {
    request_.progress(done, total);
  }
  void say(const std::string& line) override { request_.say(line); }
  void measured(const std::string&, double, double) override {}

 private:
  const PullRequest& request_;
  const fs::path folder_;
  Job job_;
};

}  // namespace

const JobKind kPullJob{"pull", Lane::lengthy, about_pull, run_pull};

std::string pull(const PullRequest& request) {
  const Home home{request.home};
  home.require();
  const ServiceConfig config = load_service_config(home.config());
  (void)source_in(config, request.source);
  const FileLock alone(home.path / "service.lock",
                       home.path.string() + " is being served: begin the job pull there");
  Hospital hospital(home.path, database_of_service(home, config));
  Foreground run(request, home);
  const std::string told = Pull(hospital, run, request.source).run();
  std::error_code ignored;
  fs::remove_all(run.folder(), ignored);
  return told;
}

}  // namespace cangong
