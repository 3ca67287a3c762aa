#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cli/args.h"
#include "registry/bundle.h"

namespace cangong {

int run_models(const Args& args) {
  const fs::path folder = args.positional(0);
  if (const auto alias = args.find("--alias")) {
    const std::size_t equals = alias->find('=');
    if (equals == std::string::npos || equals == 0) throw UsageError{"--alias is NAME=MODEL"};
    const std::string name = alias->substr(0, equals);
    if (name.find('/') != std::string::npos || name.starts_with('.') || name.ends_with(".part"))
      throw UsageError{"--alias: a name is a plain word such as icu-mortality"};
    point_alias(folder / name, Bundle::open(folder / alias->substr(equals + 1)).folder());
  }
  const auto bundles = list_bundles(folder);
  if (args.flag("--json")) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const auto& b : bundles)
      list.push_back({{"digest", b.digest}, {"aliases", b.aliases}, {"problem", b.problem}});
    std::puts(nlohmann::ordered_json{{"models", list}}.dump().c_str());
    return kOk;
  }
  for (const auto& b : bundles)
    std::printf("%s  %s%s\n", b.digest.substr(0, 16).c_str(), join(b.aliases, ", ").c_str(),
                b.problem.empty() ? "" : ("  DAMAGED: " + b.problem).c_str());
  return kOk;
}

}  // namespace cangong
