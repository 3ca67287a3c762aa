// What another system's Bulk Data export holds, into the live record: the whole at first, then what
// has changed since. FHIR Bulk Data 2.0, with SMART Backend Services.
#pragma once

#include "engine/job_kind.h"
#include "serve/config.h"

namespace cangong {

// A pull as a job. Request: {"source": NAME}, of sources: in config.yaml.
extern const JobKind kPullJob;

struct PullRequest {
  fs::path home;
  std::string source;
  // Told now and then: resources done, of how many as far as known.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress = [](std::uint64_t,
                                                                             std::uint64_t) {};
  std::function<void(const std::string&)> say = [](const std::string&) {};
};
// The same of a home that is not served now. Gone on with where it was interrupted. Returns what
// came out, a JSON object. Throws JobStopped where it was interrupted.
std::string pull(const PullRequest& request);

}  // namespace cangong
