// The pages, as they are compiled in.
#pragma once

#include <span>
#include <string_view>

namespace cangong {

// A file of build/web, packed with gzip. The names of scripts and styles hold their digest.
struct PageFile {
  std::string_view name, type;
  std::string_view packed;
};
std::span<const PageFile> page_files();

}  // namespace cangong
