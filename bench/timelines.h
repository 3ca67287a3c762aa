// The work of models of timelines.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

namespace cangong {

using BenchJson = nlohmann::ordered_json;

// Each takes the folder of Delphi's simulated data.
BenchJson bench_pretrain(const std::filesystem::path& folder);
BenchJson bench_leave_one_out(const std::filesystem::path& folder);
BenchJson bench_simulate_bf16(const std::filesystem::path& folder);
BenchJson bench_simulate(const std::filesystem::path& folder);
// Needs none of it: random weights.
BenchJson bench_simulate_large(const std::filesystem::path& folder);
// Of a folder with a store.
BenchJson bench_shards(const std::filesystem::path& folder);
BenchJson bench_one_event(const std::filesystem::path& folder);

}  // namespace cangong
