// What is done with an answer after it was given, in the background: it is kept to be judged later,
// a shadow answers beside it, and it is counted which features had no value. What a crash takes is
// at most the last second's; the trail holds every answer in any case.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/hospital.h"
#include "serve/tallies.h"

namespace cangong {

// Safe for concurrent use.
class Watch {
 public:
  Watch(Hospital& hospital, Tallies& tallies);
  // Does what waits.
  ~Watch();

  struct Seen {
    ModelPtr model;
    std::string id, subject;  // of the answer; as the trail names the patient
    std::optional<double> value;
    Time as_of, at;
    std::optional<PatientId> patient;  // of the record: none for data at hand
    Timeline timeline;
    bool synthetic = false;
    Digest store;
  };
  // Returns at once. Where more wait than memory should hold, the answer is let go of.
  void saw(Seen seen);
  // Returns when what was seen before is done.
  void settle();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cangong
