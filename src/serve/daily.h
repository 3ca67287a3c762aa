// What a service does by itself once a day: the answers of each model are judged.
#pragma once

#include <memory>

#include "engine/jobs.h"

namespace cangong {

class Daily {
 public:
  Daily(Hospital& hospital, Jobs& jobs);
  ~Daily();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cangong
