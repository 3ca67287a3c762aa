// Long work of a service, in the background: queued, watched, cancelled, and gone on with after a
// restart. What a job is and how far it came lies in the live record.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/job_kind.h"

namespace cangong {

struct Job {
  enum class State { queued, running, done, failed, cancelled };
  std::string id;
  std::string kind;
  std::string model;  // what it is about: "heart@champion"
  std::string by;
  State state = State::queued;
  Time created;
  std::optional<Time> started, ended;
  std::uint64_t done = 0, total = 0;  // patients, lines, rounds: as its kind counts
  std::string problem;                // why it failed
  std::string request;                // JSON object, as it was asked; of find() alone
};

const char* name_of(Job::State state);

// What a job said and what came out of it.
struct JobDetail {
  struct Line {
    Time at;
    std::string text;
  };
  struct Point {
    std::string series;
    double step = 0, value = 0;
  };
  std::vector<Line> lines;  // the last ones
  std::vector<Point> curve;
  std::string result;  // JSON object; empty while there is none
};

// Safe for concurrent use.
class Jobs {
 public:
  // Goes on with what a service before left behind. `kinds` outlive it.
  Jobs(Hospital& hospital, std::span<const JobKind* const> kinds);
  // Stops at once what can be gone on with.
  ~Jobs();

  struct Request {
    std::string kind, body;  // a JSON object
    // Called with the id before the job is kept, to put files into its folder.
    std::function<void(const fs::path& folder)> prepare = {};
  };
  // Throws Fault::missing for an unknown model, Fault::input for an unknown kind or where the same
  // job is under way.
  Job start(const Request& request, const Asker& asker);
  // Throws Fault::missing where there is none; nothing where it is over.
  Job cancel(const std::string& id);
  std::optional<Job> find(const std::string& id);
  JobDetail detail(const std::string& id);
  fs::path folder(const std::string& id) const;
  std::vector<Job> latest(std::size_t most);
  std::vector<std::pair<Job::State, std::uint64_t>> by_state();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cangong
