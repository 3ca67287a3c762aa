#include "serve/live_database.h"

#include "base/error.h"

namespace cangong {
namespace {

DatabaseAt place_of(const Home& home, const ServiceConfig& config) {
  if (const auto server = configured_server(home, config)) {
    if (fs::exists(home.live()))
      fail(Fault::config, home.live().string() +
                              " holds a record that is not in the configured database yet; run: "
                              "cangong migrate " +
                              home.path.string());
    return *server;
  }
  if (!fs::exists(home.live()) && fs::exists(moved_file(home)))
    fail(Fault::config, home.config().string() +
                            ": the record was moved into PostgreSQL; say where in database, or "
                            "give " +
                            moved_file(home).string() + " its old name to go back to that moment");
  return home.live();
}

}  // namespace

std::optional<DatabaseAt> configured_server(const Home& home, const ServiceConfig& config) {
  if (config.database.empty()) return std::nullopt;
  DatabaseAt at{fs::path()};
  at.server = config.database;
  if (!config.database_password_file.empty())
    at.password_file = home.path / config.database_password_file;
  return at;
}

fs::path moved_file(const Home& home) {
  return home.path / "live.db.moved";
}

DatabaseAt live_database(const Home& home) {
  return place_of(home, load_service_config(home.config()));
}

DatabaseAt database_of_service(const Home& home, const ServiceConfig& config) {
  DatabaseAt at = place_of(home, config);
  at.writers = DatabaseAt::Writers::one_service;
  return at;
}

}  // namespace cangong
