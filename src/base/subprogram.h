// A run of this very program with other words, watched line by line: what may take all the memory,
// or end the process, does so without its parent.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace cangong {

struct Subprogram {
  std::vector<std::string> words;  // behind the program's name
  fs::path output;                 // its standard output goes there
  // Each line of its standard error.
  std::function<void(std::string_view)> line = [](std::string_view) {};
  // Asked a few times a second: then it is ended, with SIGTERM, after ten seconds with SIGKILL.
  std::function<bool()> stop = [] { return false; };
};

// Its exit code; 128 and the signal's number where one ended it. It ends with the thread that runs
// it. Throws Fault::storage where it cannot be started.
int run_subprogram(const Subprogram& run);

}  // namespace cangong
