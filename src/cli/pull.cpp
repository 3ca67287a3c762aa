#include "serve/pull.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/progress.h"
#include "base/text.h"
#include "cli/args.h"

namespace cangong {

int run_pull(const Args& args) {
  PullRequest request{args.positional(0), args.positional(1)};
  request.say = [](const std::string& line) { note(line); };
  std::string told;
  try {
    told = pull(request);
  } catch (const JobStopped&) {
    std::fputs("stopped; the same command goes on\n", stderr);
    return kInterrupted;
  }
  if (args.flag("--json")) {
    std::puts(told.c_str());
    return kOk;
  }
  const auto json = nlohmann::ordered_json::parse(told);
  const auto count = [&](const char* key) {
    return format_count(json.value(key, std::uint64_t{0}));
  };
  std::printf("%s new, %s changed, %s the same, %s deleted, %s not understood\n",
              count("created").c_str(), count("updated").c_str(), count("unchanged").c_str(),
              count("deleted").c_str(), count("rejected").c_str());
  return json.value("rejected", 0) > 0 ? kPartial : kOk;
}

}  // namespace cangong
