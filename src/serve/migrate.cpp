#include "serve/migrate.h"

#include <nlohmann/json.hpp>

#include "base/database_driver.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"
#include "serve/live_database.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;
using Mode = MigrateRequest::Mode;

Digest seal_of(const Contents& contents) {
  std::string text;
  for (const TableContent& one : contents)
    text += one.table + " " + std::to_string(one.rows) + " " + std::to_string(one.sum) + "\n";
  return digest_of(text);
}

std::uint64_t rows_of(const Contents& contents) {
  std::uint64_t rows = 0;
  for (const TableContent& one : contents) rows += one.rows;
  return rows;
}

// What an earlier move left in the same transaction as its rows: the digest of what it copied.
std::string moved_before(Database& server) {
  if (!server.integer("SELECT 1 WHERE to_regclass(?) IS NOT NULL", {kMoveTable})) return "";
  std::string digest;
  server.each(std::string("SELECT content FROM ") + kMoveTable, {},
              [&](const Row& row) { digest = row.text(0); });
  return digest;
}

class Move {
 public:
  Move(const Home& home, const DatabaseAt& to, Mode mode) : home_(home), to_(to), mode_(mode) {
    to_.writers = DatabaseAt::Writers::one_service;
  }

  // Before anything is changed.
  void require_room(Database& server) {
    if (fs::exists(moved_file(home_)))
      fail(Fault::input, moved_file(home_).string() + " is there already; move it away first");
    if (before_ = moved_before(server); before_.empty() && !tables_of(server).empty())
      fail(Fault::input, server.driver().name() +
                             ": is not empty; a record is moved into an empty database alone");
  }

  void run(MigrateReply& reply) {
    Database server(to_);
    require_room(server);
    {
      Database file(home_.live());
      if (mode_ == Mode::tell) {
        reply.moved = contents_of(file);
      } else {
        // Nobody writes the file meanwhile.
        file.transaction([&] { reply.moved = copy(file, server); });
        file.script("PRAGMA wal_checkpoint(TRUNCATE)");
      }
    }
    reply.steps.push_back(format_count(rows_of(reply.moved)) + " rows of " +
                          format_count(reply.moved.size()) + " tables go into " +
                          server.driver().name());
    reply.steps.push_back("live.db is kept as " + moved_file(home_).filename().string());
    if (mode_ == Mode::tell) return;
    Hospital(home_.path, to_any())
        .note({"(command line)", "", "", ""}, "migrate",
              Json{{"rows", rows_of(reply.moved)}}.dump());
    fs::rename(home_.live(), moved_file(home_));
    sync_folder(home_.path);
  }

 private:
  DatabaseAt to_any() const {
    DatabaseAt any = to_;
    any.writers = DatabaseAt::Writers::any;
    return any;
  }
  Contents copy(Database& file, Database& server) {
    if (!before_.empty()) {
      const Contents here = contents_of(file);
      if (seal_of(here) == before_) return here;
      fail(Fault::input, server.driver().name() + ": holds another record than live.db");
    }
    Contents copied;
    server.transaction([&] {
      copied = copy_rows(file, server);
      server.script(std::string("CREATE TABLE ") + kMoveTable + "(content TEXT NOT NULL)");
      const Digest digest = seal_of(copied);
      server.run(std::string("INSERT INTO ") + kMoveTable + " VALUES(?)", {digest});
    });
    return copied;
  }

  Home home_;
  DatabaseAt to_;
  Mode mode_;
  std::string before_;
};

void bring_forward(Database& record, Mode mode, MigrateReply& reply) {
  const std::int64_t newest = LiveRecord::newest_layout();
  const auto now = LiveRecord::layout(record);
  if (!now || *now == newest) return;
  if (*now < newest)
    reply.steps.push_back("layout of the live record: " + std::to_string(*now) + " to " +
                          std::to_string(newest));
  if (mode == Mode::change || *now > newest) LiveRecord::prepare(record);
}

}  // namespace

MigrateReply migrate(const MigrateRequest& request) {
  const Home home{request.home};
  home.require();
  const ServiceConfig config = load_service_config(home.config());
  const FileLock alone(home.path / "service.lock",
                       home.path.string() + " is being served; stop the service first");
  const auto server = configured_server(home, config);
  MigrateReply reply;
  if (!fs::exists(home.live())) {
    Database record(live_database(home));
    bring_forward(record, request.mode, reply);
    return reply;
  }
  {
    Database record(home.live());
    bring_forward(record, request.mode, reply);
  }
  if (server) Move(home, *server, request.mode).run(reply);
  return reply;
}

}  // namespace cangong
