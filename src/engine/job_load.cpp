// NDJSON of FHIR resources into the live record, line by line; what cannot be understood is told
// with its line, the rest is kept. Done again it changes nothing: what is there already is no new
// version.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "engine/job_files.h"
#include "engine/jobs.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLinesTogether = 200;     // lines kept with one flush
constexpr std::size_t kMostProblems = 100'000;  // told one by one

// Those that others refer to come first: three readings of the file.
int rank(const std::string& type) {
  if (type == "Patient") return 0;
  return type == "Encounter" || type == "Medication" || type == "Device" ? 1 : 2;
}

class Load {
 public:
  Load(Hospital& hospital, JobRun& run) : hospital_(hospital), run_(run), problems_(run.folder()) {}

  std::string run() {
    const fs::path file = run_.folder() / kLoadFile;
    for (int reading = 0; reading < 3; ++reading) {
      LineReader lines(file);
      while (const auto line = lines.next()) {
        if (reading == 0) ++total_;
        take(*line, reading);
        if (waiting_.size() == kLinesTogether) keep();
      }
      keep();
    }
    problems_.finish();
    run_.progress(done_, total_);
    return Json{
        {"at", format_time(now())}, {"created", created_},
        {"updated", updated_},      {"unchanged", unchanged_},
        {"rejected", rejected_},    {"output", Json::array()},
        {"deleted", Json::array()}, {"error", Json::parse(NdjsonFiles::list(problems_.files()))}}
        .dump();
  }

 private:
  struct Line {
    std::uint64_t number;
    std::string text;
  };

  void take(const LineReader::Line& line, int reading) {
    if (line.text.find_first_not_of(" \t\r") == std::string_view::npos) {
      if (reading == 0) ++done_;
      return;
    }
    if (line.too_long) {
      if (reading == 0) reject(line.number, "the line is too long"), ++done_;
      return;
    }
    const std::string type = fhir_type_of(line.text);
    if (rank(type) == reading) waiting_.push_back({line.number, std::string(line.text)});
  }

  void keep() {
    if (run_.is_stopping()) throw JobStopped();
    if (waiting_.empty()) return;
    try {
      keep(waiting_);
    } catch (const Error& error) {
      if (error.fault != Fault::input) throw;
      for (const Line& line : waiting_) keep_alone(line);  // one of them is bad
    }
    done_ += waiting_.size();
    waiting_.clear();
    run_.progress(done_, std::max(total_, done_));
  }

  void keep_alone(const Line& line) {
    try {
      keep({line});
    } catch (const Error& error) {
      if (error.fault != Fault::input) throw;
      reject(line.number, error.what());
    }
  }

  // Recorded, then kept; all of them or none.
  void keep(const std::vector<Line>& lines) {
    std::uint64_t created = 0, updated = 0, unchanged = 0;
    hospital_.live().write([&](Database& db) {
      created = updated = unchanged = 0;
      Json names = Json::array();
      std::vector<std::string> subjects;
      for (const Line& line : lines) {
        LiveRecord::Written written;
        const std::string id = id_of(line.text);
        written = hospital_.arrive(db, {line.text, "", id}, now());
        (written.created ? created : written.changed ? updated : unchanged) += 1;
        if (!written.changed) continue;
        names.push_back(written.kept.type + "/" + written.kept.id + "/" +
                        std::to_string(written.kept.version));
        if (!written.kept.patient) continue;
        const std::string subject = hospital_.fhir_id(*written.kept.patient);
        if (std::find(subjects.begin(), subjects.end(), subject) == subjects.end())
          subjects.push_back(subject);
      }
      if (!names.empty())
        Hospital::note(db, {run_.job().by, "job " + run_.job().id, "", ""}, "load",
                       Json{{"subjects", subjects}, {"resources", names}}.dump());
    });
    created_ += created, updated_ += updated, unchanged_ += unchanged;
  }

  static std::string id_of(const std::string& text) {
    const Json json = Json::parse(text, nullptr, false);
    return json.is_object() && json.contains("id") && json["id"].is_string()
               ? json["id"].get<std::string>()
               : "";
  }

  void reject(std::uint64_t line, const std::string& why) {
    if (++rejected_ > kMostProblems) return;
    const Json issue{{"severity", "error"},
                     {"code", "invalid"},
                     {"diagnostics", "line " + std::to_string(line) + ": " + why}};
    problems_.add("OperationOutcome",
                  Json{{"resourceType", "OperationOutcome"}, {"issue", {issue}}}.dump());
  }

  Hospital& hospital_;
  JobRun& run_;
  NdjsonFiles problems_;
  std::vector<Line> waiting_;
  std::uint64_t done_ = 0, total_ = 0;
  std::uint64_t created_ = 0, updated_ = 0, unchanged_ = 0, rejected_ = 0;
};

std::string about_load(Hospital&, const std::string&) {
  return "";
}

}  // namespace

const JobKind kLoadJob{"load", Lane::brief, about_load, load_lines};

std::string load_lines(Hospital& hospital, JobRun& run) {
  return Load(hospital, run).run();
}

}  // namespace cangong
