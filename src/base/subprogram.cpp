#include "base/subprogram.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>

#include "base/error.h"
#include "base/program.h"

namespace cangong {
namespace {

constexpr int kGentler = 10;  // of nice: who answers at the bedside goes first
constexpr std::size_t kLongestLine = 64 << 10;

struct Descriptor {
  int number = -1;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

// The child borrows its parent's memory until exec: calls of the kernel, nothing else.
[[noreturn]] void become(char** words, int output, int errors, const sigset_t* signals) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpriority(PRIO_PROCESS, 0, kGentler);
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO), ::dup2(output, STDOUT_FILENO), ::dup2(errors, STDERR_FILENO);
  ::close_range(3, ~0U, 0);  // connections of others among them: they would not end with their end
  ::pthread_sigmask(SIG_SETMASK, signals, nullptr);
  ::execv(words[0], words);
  ::_exit(127);
}

// Calls `use` for each whole line of what has come.
void cut_lines(std::string& text, const std::function<void(std::string_view)>& use) {
  for (std::size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1))
    use(std::string_view(text).substr(0, end));
  if (text.size() > kLongestLine) text.clear();
}

// By vfork, for fork runs what libraries registered for it (Arrow makes its threads anew), which
// waits for ever on a lock that another thread held at that moment. No handler of the parent's runs
// in the child: signals are blocked until its own words begin.
pid_t begin(char** words, int output, int errors) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t child = ::vfork();
  if (child == 0) become(words, output, errors, &before);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) fail(Fault::storage, "no further process can be started");
  return child;
}

// Ended where the one who watches it cannot go on.
struct Child {
  pid_t number = -1;
  ~Child() {
    if (number <= 0) return;
    ::kill(number, SIGKILL);
    wait();
  }
  int wait() {
    int status = 0;
    while (::waitpid(number, &status, 0) < 0 && errno == EINTR) {
    }
    number = -1;
    return status;
  }
};

int code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int run_subprogram(const Subprogram& run) {
  std::vector<std::string> words = run.words;
  words.insert(words.begin(), program_file().string());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(Fault::storage, "no pipe can be had");
  Descriptor reading{ends[0]}, writing{ends[1]};
  const Descriptor output{
      ::open(run.output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (output.number < 0) fail(Fault::storage, "cannot write " + run.output.string());
  Child child{begin(pointers.data(), output.number, writing.number)};
  ::close(std::exchange(writing.number, -1));
  std::string text;
  std::array<char, 4096> part;
  std::optional<std::chrono::steady_clock::time_point> asked;
  for (;;) {
    ::pollfd wait{reading.number, POLLIN, 0};
    if (::poll(&wait, 1, 200) > 0) {
      const ssize_t size = ::read(reading.number, part.data(), part.size());
      if (size <= 0) break;  // it has ended, or closed what it says
      text.append(part.data(), static_cast<std::size_t>(size));
      cut_lines(text, run.line);
    }
    if (!asked && run.stop()) {
      asked = std::chrono::steady_clock::now();
      ::kill(child.number, SIGTERM);
    } else if (asked && std::chrono::steady_clock::now() - *asked > std::chrono::seconds(10)) {
      ::kill(child.number, SIGKILL);
    }
  }
  return code_of(child.wait());
}

}  // namespace cangong
