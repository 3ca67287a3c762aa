// For tests: an empty database that vanishes; a file, or a schema of the PostgreSQL that
// CANGONG_TEST_POSTGRES ("host=... dbname=... user=...") names.
#pragma once

#include <cstdlib>
#include <string>

#include "base/database.h"
#include "base/digest.h"
#include "base/text.h"

namespace cangong {

class TestDatabase {
 public:
  TestDatabase() {
    const char* words = std::getenv("CANGONG_TEST_POSTGRES");
    if (!words) return;
    at_.file.clear();
    server_ = words;
    schema_ = "t" + hexadecimal(random_bytes(8));
    at_.server = server_;
    Database(at_).script("CREATE SCHEMA " + schema_);
    at_.server += " options=-csearch_path=" + schema_;
  }
  ~TestDatabase() {
    if (server_.empty()) return;
    DatabaseAt all = at_;
    all.server = server_;
    Database(all).script("DROP SCHEMA " + schema_ + " CASCADE");
  }
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  const DatabaseAt& at() const { return at_; }
  bool is_server() const { return !server_.empty(); }
  const fs::path& folder() const { return folder_.path(); }

 private:
  TempFolder folder_;
  DatabaseAt at_{folder_.path() / "live.db"};
  std::string server_, schema_;
};

}  // namespace cangong
