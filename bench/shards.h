#pragma once

#include "timelines.h"

namespace cangong {

// Of a folder with a store.
BenchJson bench_shards(const std::filesystem::path& folder);

}  // namespace cangong
