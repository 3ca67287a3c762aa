// Where a home keeps its live record, by its config.yaml.
#pragma once

#include "engine/hospital.h"
#include "serve/config.h"

namespace cangong {

// The configured PostgreSQL, else HOME/live.db. Throws Fault::config where the record lies in the
// other one: it has to be moved first (cangong migrate).
DatabaseAt live_database(const Home& home);
// The same for the one service that may write it.
DatabaseAt database_of_service(const Home& home, const ServiceConfig& config);

// The configured server, whatever lies in the home; nothing where none is configured.
std::optional<DatabaseAt> configured_server(const Home& home, const ServiceConfig& config);
// What `migrate` leaves of live.db.
fs::path moved_file(const Home& home);

}  // namespace cangong
