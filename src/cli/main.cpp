#include <cstdio>
#include <new>

#include "base/error.h"
#include "base/progress.h"
#include "base/text.h"
#include "cli/args.h"
#include "engine/engine.h"

namespace cangong {
namespace {

std::string overview() {
  std::string text =
      "Examples:\n  cangong import csv table.csv --mapping mapping.yaml --into hospital\n"
      "  cangong run studies/heart-disease/study.yaml --data data\n\n"
      "From hospital records to an evaluated, explained model.\n\nVerbs:\n";
  for (const Verb& verb : verbs()) {
    std::string left = "  " + std::string(verb.name);
    left.resize(17, ' ');
    text += left + std::string(verb.summary) + "\n";
  }
  return text +
         "\ncangong VERB --help says more. Every verb knows --quiet (-q): no progress, no notes, "
         "and "
         "--progress-json:\nprogress and learning curves as JSON lines on standard error. "
         "Exit codes: 0 done, 1 failed, 2 wrong usage, "
         "3 some rows rejected,\n4 not permitted, 5 data required, 130 stopped by Ctrl-C.\n";
}

const Verb& verb_named(const std::string& name) {
  std::vector<std::string> names;
  for (const Verb& verb : verbs()) {
    if (verb.name == name) return verb;
    names.emplace_back(verb.name);
  }
  throw UsageError{"unknown verb \"" + name + "\"" + suggestion(name, names)};
}

int exit_code(Fault fault) {
  if (interrupted()) return kInterrupted;
  if (fault == Fault::denied) return kNotPermitted;
  if (fault == Fault::missing) return kDataRequired;
  return kFailure;
}

int run(std::span<const std::string> words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    std::fputs(overview().c_str(), words.empty() ? stderr : stdout);
    return words.empty() ? kUsage : kOk;
  }
  if (words[0] == "--version") {
    std::puts(kProgram);
    return kOk;
  }
  const Verb& verb = verb_named(words[0]);
  for (const std::string& word : words.subspan(1))
    if (word == "--help" || word == "-h") {
      std::fputs(verb.help().c_str(), stdout);
      return kOk;
    }
  std::vector<std::string> rest;
  for (const std::string& word : words.subspan(1)) {
    if (word == "-q" || word == "--quiet")
      be_quiet();
    else if (word == "--progress-json")
      tell_progress_as_json();
    else
      rest.push_back(word);
  }
  return verb.run(verb.parse(rest));
}

// What was printed reached its place, or the answer is a failure.
int flushed(int code) {
  if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return code;
  std::fputs("cangong: standard output cannot be written (disk full?)\n", stderr);
  return kFailure;
}

}  // namespace
}  // namespace cangong

int main(int argc, char** argv) {
  using namespace cangong;
  watch_for_interrupt();
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    return flushed(run(words));
  } catch (const UsageError& error) {
    std::fprintf(stderr, "cangong: %s\n", error.message.c_str());
    return kUsage;
  } catch (const Error& error) {
    std::fprintf(stderr, "cangong: %s\n", error.what());
    return exit_code(error.fault);
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "cangong: not enough memory\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cangong: %s\n", error.what());
  }
  return kFailure;
}
