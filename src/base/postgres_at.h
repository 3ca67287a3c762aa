// How a PostgreSQL database is reached.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/database.h"

namespace cangong {

// Throws Fault::config where libpq does not understand it, or where it holds a secret.
void check_connection_words(const std::string& words);

struct PostgresConnection {
  std::vector<std::pair<std::string, std::string>> words;  // the password too: never to be shown
  std::string name;                                        // "the database cangong at /run/pg"
};
// TLS with a verified certificate for other hosts, unless sslmode says otherwise. Throws
// Fault::config where the file with the password may be read by others.
PostgresConnection connection_of(const DatabaseAt& at);

}  // namespace cangong
