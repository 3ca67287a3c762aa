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
  // A folder of its own, made when it is first asked for; it stays as long as the job is listed.
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
  // together.
  // Throws Fault::input where the request, a JSON object, asks for what cannot be done.
  std::string (*about)(Hospital& hospital, const std::string& request);
  // Does it, or goes on with what a run before left; returns what came out, a JSON object.
  std::string (*run)(Hospital& hospital, JobRun& run);
};

// A model's answer for every patient, as of now. Request: {"model": NAME}.
extern const JobKind kPredictEverybody;

}  // namespace cangong
