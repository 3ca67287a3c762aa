// Long work of a service, one after the other in the background: queued, watched, cancelled, and
// gone on with after a restart. What a job is and how far it came lies in the live record.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/hospital.h"

namespace cangong {

struct Job {
  enum class State { queued, running, done, failed, cancelled };
  std::string id;
  std::string kind;   // of Jobs::kinds()
  std::string model;  // "heart@champion"
  std::string by;
  State state = State::queued;
  Time created;
  std::optional<Time> started, ended;
  std::uint64_t done = 0, total = 0;  // patients
  std::string problem;                // why it failed
};

const char* name_of(Job::State state);

// An answer to a job that is kept for lists: the latest of each patient and model.
struct Risk {
  PatientId patient;
  std::optional<double> value, low, high;  // no value: the model abstained
  Time as_of;
};

// Safe for concurrent use.
class Jobs {
 public:
  // Goes on with what a service before left behind.
  explicit Jobs(Hospital& hospital);
  // Stops at once what can be gone on with.
  ~Jobs();

  static const std::vector<std::string>& kinds();
  // Throws Fault::missing for an unknown model, Fault::input for an unknown kind or where the same
  // job is under way.
  Job start(const std::string& kind, const std::string& model, const Asker& asker);
  // Throws Fault::missing where there is none; nothing where it is over.
  Job cancel(const std::string& id);
  std::optional<Job> find(const std::string& id);
  std::vector<Job> latest(std::size_t most);
  std::vector<std::pair<Job::State, std::uint64_t>> by_state();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Answers of jobs, the highest first; those of `among` alone, if given.
struct RiskList {
  std::vector<Risk> risks;
  std::uint64_t total = 0;
};
struct RiskQuery {
  std::string model, bundle;  // what another bundle of the name told is not shown
  std::optional<std::vector<PatientId>> among;
  std::size_t most = 50, skip = 0;
};
RiskList risks(Hospital& hospital, const RiskQuery& query);

// Live patients of whom no such answer is known, who came last first.
struct Unscored {
  std::vector<PatientId> patients;
  std::uint64_t total = 0;
};
Unscored unscored(Hospital& hospital, const RiskQuery& query);

}  // namespace cangong
