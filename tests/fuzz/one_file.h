// Puts fuzzed bytes where a parser that reads files finds them.
#pragma once

#include <cstdint>
#include <fstream>

#include "base/file.h"

namespace cangong {

inline fs::path file_of(const fs::path& file, const std::uint8_t* data, std::size_t size) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  return file;
}

}  // namespace cangong
