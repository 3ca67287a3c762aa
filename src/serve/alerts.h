// What an administrator should hear of without looking: told when it begins and when it is over,
// to the addresses that config.yaml names (alerts:), and listed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/hospital.h"
#include "serve/config.h"
#include "serve/outbound.h"
#include "serve/tallies.h"

namespace cangong {

struct Alert {
  std::string key;    // what it is about, for as long as it holds
  std::string kind;   // drift, missing, outcomes, job, model
  std::string model;  // "heart@champion", or the kind of job
  std::string text;   // for a person; no patient
  Time since = {};
};

// Safe for concurrent use.
class Alerts {
 public:
  struct Parts {
    Hospital& hospital;
    Tallies& tallies;
    Outbound& outbound;
  };
  // Throws Fault::config where an address is not listed, or a secret cannot be read.
  Alerts(const ServiceConfig& config, const Parts& parts);
  ~Alerts();

  // Looks now, and sends what was not yet taken; a day at most is it tried.
  struct Looked {
    std::size_t begun = 0, over = 0, sent = 0, waiting = 0;
  };
  Looked look(Time now);
  // That hold, the oldest first.
  std::vector<Alert> current();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Each figure that is out of bounds.
std::vector<Alert> alerts_of(Hospital& hospital, Tallies& tallies, Time now);

}  // namespace cangong
