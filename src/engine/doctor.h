// Whether this machine, and the stores and models on it, are fit for work.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"

namespace cangong {

struct Examination {
  enum class Result { well, warning, ill };
  std::string what;  // "memory"
  Result result = Result::well;
  std::string found, advice;  // advice: empty where all is well
};

// The machine, then each path: the home of a service, a store, or a folder of models.
std::vector<Examination> examine(const std::vector<fs::path>& paths);

}  // namespace cangong
