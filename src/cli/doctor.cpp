#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/args.h"
#include "engine/doctor.h"

namespace cangong {

int run_doctor(const Args& args) {
  const std::vector<fs::path> paths(args.positionals().begin(), args.positionals().end());
  const auto list = examine(paths);
  constexpr const char* kNames[] = {"well", "warning", "ill"};
  constexpr const char* kMarks[] = {"ok  ", "note", "ILL "};
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const Examination& e : list) {
    const auto result = static_cast<std::size_t>(e.result);
    json.push_back(
        {{"what", e.what}, {"result", kNames[result]}, {"found", e.found}, {"advice", e.advice}});
    if (args.flag("--json")) continue;
    std::printf("%s  %s: %s\n", kMarks[result], e.what.c_str(), e.found.c_str());
    if (!e.advice.empty()) std::printf("      %s\n", e.advice.c_str());
  }
  const bool ill = std::any_of(list.begin(), list.end(), [](const Examination& e) {
    return e.result == Examination::Result::ill;
  });
  if (args.flag("--json"))
    std::puts(nlohmann::ordered_json{{"well", !ill}, {"examined", json}}.dump().c_str());
  return ill ? kFailure : kOk;
}

}  // namespace cangong
