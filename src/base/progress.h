// How far long work has come: on a terminal, with the time that is left.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace cangong {

// Prints "importing  42 %  1:03 left" to standard error, at most five times a second, and only
// where that is a terminal. Silent otherwise. Safe for concurrent calls.
class Progress {
 public:
  Progress(std::string what, std::uint64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void at(std::uint64_t done);
  // One more of the total.
  void step() { at(++done_); }

 private:
  std::string what_;
  std::uint64_t total_;
  std::atomic<std::uint64_t> done_ = 0;
  std::mutex showing_;
  std::chrono::steady_clock::time_point started_, shown_;
  bool visible_;
};

// No progress and no notes from here on.
void be_quiet();
// From here on progress and measurements are JSON lines on standard error, for who watches this
// program:
// {"progress": "growing trees", "done": 3, "total": 100},
// {"measured": "loss of held-back patients", "step": 3, "value": 0.41}.
void tell_progress_as_json();
// A point of a learning curve; told where progress is JSON.
void measured(const std::string& series, double step, double value);
// A line to standard error about what is being done.
void note(const std::string& line);

// True once Ctrl-C was pressed; long loops ask and stop where a later run can go on.
bool interrupted();
// Installs the handler; a second Ctrl-C ends the program at once.
void watch_for_interrupt();
// Throws Fault::denied where Ctrl-C was pressed.
void stop_if_interrupted();

}  // namespace cangong
