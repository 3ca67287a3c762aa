// The SQL that this program is written in, in PostgreSQL's words.
#pragma once

#include <string>
#include <string_view>

namespace cangong {

// "a = ? AND b = '?'" becomes "a = $1 AND b = '?'".
std::string with_numbered_values(std::string_view sql);

// Definitions of tables and indexes: TEXT is compared by its bytes, INTEGER PRIMARY KEY counts by
// itself, whole numbers have 64 bits, and a descending index has its nulls last.
std::string postgres_definitions(std::string_view sql);

}  // namespace cangong
