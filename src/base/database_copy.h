// A database's tables, row by row, into another one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/database.h"

namespace cangong {

// Of all rows of a table; in which order they lie does not matter.
struct TableContent {
  std::string table;
  std::uint64_t rows = 0, sum = 0;
  bool operator==(const TableContent&) const = default;
};
using Contents = std::vector<TableContent>;

// In the order of their names; outside of a transaction.
Contents contents_of(Database& database);
std::vector<std::string> tables_of(Database& database);

// Tables, rows, then indexes, inside the transaction that `to` is in; throws Fault::storage where
// what arrived is not what was sent.
Contents copy_rows(Database& from, Database& to);

// One moment of a server's database, while others write, as a new SQLite file.
void copy_rows_to_file(Database& from, const fs::path& file);

// Not copied: that of the move itself.
inline constexpr const char* kMoveTable = "moved_here";

}  // namespace cangong
