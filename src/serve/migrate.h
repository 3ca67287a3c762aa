// A home of an earlier version, or one whose record outgrew its file.
#pragma once

#include <string>
#include <vector>

#include "base/database_copy.h"
#include "base/file.h"

namespace cangong {

struct MigrateRequest {
  enum class Mode { tell, change };
  fs::path home;
  Mode mode = Mode::change;
};
struct MigrateReply {
  std::vector<std::string> steps;  // what was done, or would be
  Contents moved;                  // tables that went into PostgreSQL
};

// Brings the live record's layout forward; copies live.db into the configured PostgreSQL in one
// transaction, compares every row, and renames the file. Killed at any time, either side is whole,
// and it goes on when it is run again. Throws Fault::input where the database is not empty.
MigrateReply migrate(const MigrateRequest& request);

}  // namespace cangong
