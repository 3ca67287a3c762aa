#include "base/progress.h"

#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdio>

#include "base/error.h"

namespace cangong {
namespace {

volatile std::sig_atomic_t interrupt_count = 0;
std::atomic<bool> quiet = false, as_json = false;

extern "C" void on_interrupt(int) {
  interrupt_count = interrupt_count + 1;
  if (interrupt_count > 1) _exit(130);
}

}  // namespace

Progress::Progress(std::string what, std::uint64_t total)
    : what_(std::move(what)),
      total_(total),
      started_(std::chrono::steady_clock::now()),
      shown_(started_),
      visible_(as_json || (!quiet && isatty(STDERR_FILENO) == 1)) {}

Progress::~Progress() {
  if (visible_ && !as_json) std::fputs("\r\033[K", stderr);
}

void Progress::at(std::uint64_t done) {
  if (!visible_ || total_ == 0) return;
  const std::unique_lock lock(showing_, std::try_to_lock);
  if (!lock) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - shown_ < std::chrono::milliseconds(200)) return;
  shown_ = now;
  if (as_json) {
    std::fprintf(stderr, "{\"progress\": \"%s\", \"done\": %llu, \"total\": %llu}\n", what_.c_str(),
                 static_cast<unsigned long long>(done), static_cast<unsigned long long>(total_));
    return;
  }
  const double share = static_cast<double>(done) / static_cast<double>(total_);
  const double spent = std::chrono::duration<double>(now - started_).count();
  const int left = share > 0 ? static_cast<int>(spent / share - spent) : 0;
  std::fprintf(stderr, "\r\033[K%s  %3.0f %%  %d:%02d left", what_.c_str(), share * 100, left / 60,
               left % 60);
}

void be_quiet() {
  quiet = true;
}

void tell_progress_as_json() {
  as_json = true;
}

void measured(const std::string& series, double step, double value) {
  if (as_json && std::isfinite(value))
    std::fprintf(stderr, "{\"measured\": \"%s\", \"step\": %.9g, \"value\": %.9g}\n",
                 series.c_str(), step, value);
}

void note(const std::string& line) {
  if (!quiet) std::fprintf(stderr, "%s\n", line.c_str());
}

bool interrupted() {
  return interrupt_count > 0;
}

void watch_for_interrupt() {
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  std::signal(SIGXFSZ, SIG_IGN);  // a file over its limit is an error of write(), not an end
}

void stop_if_interrupted() {
  if (interrupted()) fail(Fault::denied, "stopped by Ctrl-C; give the same command again");
}

}  // namespace cangong
