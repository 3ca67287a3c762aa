// Real data that the project may not ship: tests that need it are skipped where it is absent.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"

namespace cangong {

// CANGONG_DATA, else ../shared/data beside the source tree.
inline fs::path shared_data() {
  const char* said = std::getenv("CANGONG_DATA");
  return said ? fs::path(said) : fs::path(CANGONG_SOURCE_DIR).parent_path() / "shared" / "data";
}

}  // namespace cangong

#define NEEDS_SHARED_DATA(name)                              \
  if (!cangong::fs::exists(cangong::shared_data() / (name))) \
  GTEST_SKIP() << "needs the data set " << (name) << "; see docs/data.md"
