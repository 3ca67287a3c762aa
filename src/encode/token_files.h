// The files of token shards. Format: docs/formats.md.
#pragma once

#include "encode/token_shards.h"

namespace cangong {

// A person of a shard, as on disk.
struct PersonRow {
  std::uint64_t first;  // event
  std::uint32_t events;
  TokenSplit split;
};

// what: "people" or "events".
inline fs::path shard_file(const fs::path& folder, std::size_t shard, const char* what) {
  return folder / (std::to_string(shard) + "." + what);
}

}  // namespace cangong
