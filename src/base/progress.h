// How far long work has come: on a terminal, with the time that is left.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace cangong {

// Prints "importing  42 %  1:03 left" to standard error, at most five times a second, and only
// where that is a terminal. Silent otherwise.
class Progress {
 public:
  Progress(std::string what, std::uint64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void at(std::uint64_t done);

 private:
  std::string what_;
  std::uint64_t total_;
  std::chrono::steady_clock::time_point started_, shown_;
  bool visible_;
};

// True once Ctrl-C was pressed; long loops ask and stop where a later run can go on.
bool interrupted();
// Installs the handler; a second Ctrl-C ends the program at once.
void watch_for_interrupt();
// Throws Fault::denied where Ctrl-C was pressed.
void stop_if_interrupted();

}  // namespace cangong
