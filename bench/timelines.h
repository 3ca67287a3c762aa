// The work of models of timelines.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace cangong {

using BenchJson = nlohmann::ordered_json;
double bench_seconds();  // by the wall

// Each takes the folder of Delphi's simulated data.
using TimelineBench = std::function<BenchJson(const std::filesystem::path& folder)>;
const std::map<std::string, TimelineBench>& timeline_benches();

}  // namespace cangong
