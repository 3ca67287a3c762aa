// What PostgreSQL refused, in words that say what to do; never what a row holds.
#pragma once

#include <string>
#include <string_view>

namespace cangong {

// `state` is the five characters of the server's error (SQLSTATE); empty: the connection was lost.
[[noreturn]] void raise_postgres(const std::string& database, std::string_view state,
                                 const std::string& message);

}  // namespace cangong
