// What jobs over FHIR resources share: files of NDJSON, groups of patients.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/job_kind.h"

namespace cangong {

// Resources by type, in files that are large enough to be few and small enough to be sent whole.
class NdjsonFiles {
 public:
  explicit NdjsonFiles(fs::path folder) : folder_(std::move(folder)) {}
  struct File {
    std::string type, name;
    std::uint64_t count = 0;
  };
  void add(const std::string& type, const std::string& line);
  // What waits is written; then files() is whole.
  void finish();
  const std::vector<File>& files() const { return files_; }
  // A JSON array of {"type", "file", "count"}.
  static std::string list(const std::vector<File>& files);

 private:
  static constexpr std::size_t kLargest = 16 << 20;  // bytes
  struct Part {
    std::string text;
    std::uint64_t count = 0, number = 0;
  };
  void close(const std::string& type, Part& part);

  fs::path folder_;
  std::map<std::string, Part> parts_;
  std::vector<File> files_;
};

// The active members of a Group of the live record that are known here, each once. Throws
// Fault::missing where there is no such Group.
std::vector<PatientId> members_of(Hospital& hospital, const std::string& group);

// Every line of kLoadFile in the job's folder into the live record; returns what came of it, a JSON
// object. Done again it changes nothing.
std::string load_lines(Hospital& hospital, JobRun& run);

}  // namespace cangong
