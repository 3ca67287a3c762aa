#include <gtest/gtest.h>

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <thread>

#include "base/database_copy.h"
#include "base/database_driver.h"
#include "base/error.h"
#include "base/postgres_at.h"
#include "base/test_database.h"

namespace cangong {
namespace {

constexpr const char* kTables =
    "CREATE TABLE thing(number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, size DOUBLE "
    "PRECISION, big BIGINT, flag INT NOT NULL DEFAULT 0);"
    "CREATE INDEX thing_size ON thing(big, size DESC) WHERE flag = 1;"
    "CREATE TABLE pair(a TEXT NOT NULL, b BIGINT NOT NULL, PRIMARY KEY(a, b));";

std::vector<std::string> texts(Database& db, const std::string& sql) {
  std::vector<std::string> all;
  db.each(sql, {}, [&](const Row& row) { all.emplace_back(row.text(0)); });
  return all;
}

void fill(Database& db) {
  db.script(kTables);
  for (const std::string_view text : {"b", "B", "\xE4\xB8\xAD", "a\tb\\\n", "", "\xF0\x9F\x98\x80"})
    db.run("INSERT INTO thing(text, size, big) VALUES(?, ?, ?)",
           {text, 0.1, text.empty() ? Value(nullptr) : Value(INT64_MAX)});
  db.run("INSERT INTO pair VALUES(?, ?)", {"x", INT64_MIN});
}

TEST(Database, ValuesComeBackAsTheyWent) {
  const TestDatabase live;
  Database db(live.at());
  fill(db);
  db.run("INSERT INTO thing(text, size, big) VALUES(?, ?, ?)", {"odd", 5e-324, -1});
  db.run("INSERT INTO thing(text, size, big) VALUES(?, ?, ?)", {"none", std::nan(""), nullptr});
  int seen = 0;
  db.each("SELECT size, big FROM thing WHERE text IN (?, ?) ORDER BY number", {"odd", "none"},
          [&](const Row& row) {
            EXPECT_EQ(row.is_null(0), seen == 1);
            EXPECT_EQ(row.is_null(1), seen == 1);
            if (seen++ > 0) return;
            EXPECT_EQ(row.real(0), 5e-324);
            EXPECT_EQ(row.integer(1), -1);
          });
  EXPECT_EQ(seen, 2);
  EXPECT_EQ(db.integer("SELECT big FROM thing WHERE text = ?", {"a\tb\\\n"}), INT64_MAX);
  EXPECT_EQ(db.run("UPDATE thing SET flag = ? WHERE big > ?", {1, 5}), 5);
}

TEST(Database, TextsStandInTheOrderOfTheirBytes) {
  const TestDatabase live;
  Database db(live.at());
  fill(db);
  EXPECT_EQ(
      texts(db, "SELECT text FROM thing ORDER BY text"),
      (std::vector<std::string>{"", "B", "a\tb\\\n", "b", "\xE4\xB8\xAD", "\xF0\x9F\x98\x80"}));
}

TEST(Database, AFailureUndoesItsPartAlone) {
  const TestDatabase live;
  Database db(live.at());
  fill(db);
  db.transaction([&] {
    db.put("INSERT INTO pair VALUES(?, ?)", {"kept", 1});
    EXPECT_THROW(db.transaction([&] {
      db.put("INSERT INTO pair VALUES(?, ?)", {"gone", 1});
      db.put("INSERT INTO pair VALUES(?, ?)", {"x", INT64_MIN});  // is there
      db.put("INSERT INTO pair VALUES(?, ?)", {"gone", 2});
    }),
                 Error);
    db.transaction([&] { db.put("INSERT INTO pair VALUES(?, ?)", {"kept", 2}); });
  });
  EXPECT_THROW(db.transaction([&] {
    db.put("INSERT INTO pair VALUES(?, ?)", {"lost", 1});
    fail(Fault::input, "no");
  }),
               Error);
  EXPECT_EQ(texts(db, "SELECT a FROM pair ORDER BY a, b"),
            (std::vector<std::string>{"kept", "kept", "x"}));
}

TEST(Database, AFailureThatNobodyWaitedForFailsTheTransaction) {
  const TestDatabase live;
  Database db(live.at());
  fill(db);
  EXPECT_THROW(db.transaction([&] {
    db.put("INSERT INTO pair VALUES(?, ?)", {"y", 1});
    db.put("INSERT INTO pair VALUES(?, ?)", {"x", INT64_MIN});
  }),
               Error);
  EXPECT_EQ(db.integer("SELECT count(*) FROM pair"), 1);
  EXPECT_EQ(db.run("INSERT INTO pair VALUES(?, ?)", {"y", 1}), 1);  // it goes on
}

TEST(Database, ManyStatementsAreForgottenAndMadeAgain) {
  const TestDatabase live;
  Database db(live.at());
  for (int i = 0; i < 450; ++i)
    EXPECT_EQ(db.integer("SELECT " + std::to_string(i % 230) + " WHERE 1 = ?", {1}), i % 230);
}

TEST(Database, ACopyHoldsTheSameAndGoesOn) {
  const TestDatabase live;
  Database db(live.at());
  fill(db);
  const fs::path file = live.folder() / "copy.db";
  db.copy_to(file);
  Database copy(file);
  EXPECT_EQ(contents_of(copy), contents_of(db));
  EXPECT_EQ(copy.integer("INSERT INTO thing(text) VALUES(?) RETURNING number", {"next"}), 7);
  EXPECT_THROW(copy.run("INSERT INTO thing(text) VALUES(?)", {"b"}), Error);
  EXPECT_EQ(copy.integer("SELECT flag FROM thing WHERE text = 'next'"), 0);
  // And from a file into whichever it is.
  const TestDatabase other;
  Database target(other.at());
  target.transaction([&] { copy_rows(copy, target); });
  EXPECT_EQ(contents_of(target), contents_of(copy));
  EXPECT_EQ(target.integer("INSERT INTO thing(text) VALUES(?) RETURNING number", {"last"}), 8);
}

TEST(Database, OneChangedValueIsAnotherContent) {
  const TestDatabase live;
  Database db(live.at());
  fill(db);
  const Contents before = contents_of(db);
  db.run("UPDATE thing SET size = 0.2 WHERE text = 'b'");
  EXPECT_NE(contents_of(db), before);
  db.run("UPDATE thing SET size = 0.1 WHERE text = 'b'");
  EXPECT_EQ(contents_of(db), before);
}

// What only a server does.
class Server : public testing::Test {
 protected:
  void SetUp() override {
    if (!live.is_server()) GTEST_SKIP() << "CANGONG_TEST_POSTGRES names no server";
  }
  // Ends every other connection, as a restart does.
  void end_connections() {
    Database other(live.at());
    other.integer(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> "
        "pg_backend_pid() AND backend_type = 'client backend'");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  TestDatabase live;
};

TEST_F(Server, ReadsAndWritesGoOnAfterTheConnectionWasLost) {
  DatabasePool pool(live.at());
  pool.write([](Database& db) { fill(db); });
  std::optional<std::int64_t> seen;
  const auto count = [&] {
    pool.read([&](Database& db) { seen = db.integer("SELECT count(*) FROM pair"); });
  };
  count(), end_connections(), count();
  EXPECT_EQ(seen, 1);
  end_connections();
  pool.write([](Database& db) { db.put("INSERT INTO pair VALUES(?, ?)", {"again", 1}); });
  count();
  EXPECT_EQ(seen, 2);
}

TEST_F(Server, ATransactionThatLostItsServerFailsAndLeavesNothing) {
  DatabasePool pool(live.at());
  pool.write([](Database& db) { fill(db); });
  EXPECT_THROW(pool.write([&](Database& db) {
    db.put("INSERT INTO pair VALUES(?, ?)", {"half", 1});
    EXPECT_EQ(db.integer("SELECT count(*) FROM pair"), 2);
    end_connections();
    db.put("INSERT INTO pair VALUES(?, ?)", {"half", 2});
  }),
               Error);
  pool.read([](Database& db) { EXPECT_EQ(db.integer("SELECT count(*) FROM pair"), 1); });
}

TEST_F(Server, ADatabaseServesOneService) {
  DatabaseAt mine = live.at();
  mine.writers = DatabaseAt::Writers::one_service;
  {
    DatabasePool service(mine);
    Database beside(live.at());  // the command line
    EXPECT_EQ(beside.integer("SELECT 1"), 1);
    EXPECT_THROW(DatabasePool second(mine), Error);
  }
  DatabasePool next(mine);
}

TEST_F(Server, KeepsNoNulAndSaysSo) {
  Database db(live.at());
  fill(db);
  try {
    db.run("INSERT INTO pair VALUES(?, ?)", {std::string_view("a\0b", 3), 1});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault, Fault::input);
  }
}

TEST(PostgresAt, SecretsAreNotInTheConfiguration) {
  EXPECT_THROW(check_connection_words("host=db password=x"), Error);
  EXPECT_THROW(check_connection_words("postgresql://a:b@db/c"), Error);
  EXPECT_THROW(check_connection_words("hostt=db"), Error);
  EXPECT_NO_THROW(check_connection_words("postgresql://a@db/c"));
}

std::string word(const std::string& server, const std::string& key, const fs::path& file = {}) {
  DatabaseAt at{fs::path()};
  at.server = server, at.password_file = file;
  for (const auto& [name, value] : connection_of(at).words)
    if (name == key) return value;
  return "";
}

TEST(PostgresAt, OtherHostsShowACertificate) {
  EXPECT_EQ(word("host=db.example.org", "sslmode"), "verify-full");
  EXPECT_EQ(word("host=/run,db.example.org", "sslmode"), "verify-full");
  EXPECT_EQ(word("hostaddr=10.0.0.7", "sslmode"), "verify-full");
  EXPECT_EQ(word("host=db.example.org sslmode=require", "sslmode"), "require");
  EXPECT_EQ(word("host=/run/postgresql", "sslmode"), "");
  EXPECT_EQ(word("dbname=a", "sslmode"), "");
}

TEST(PostgresAt, APasswordFileIsForItsOwnerAlone) {
  const TempFolder folder;
  const fs::path file = folder.path() / "password";
  write_private_file(file, "s3cret:with:colons\n");
  EXPECT_EQ(word("dbname=a", "password", file), "s3cret:with:colons");
  ::chmod(file.c_str(), 0640);
  EXPECT_THROW(word("dbname=a", "password", file), Error);
  write_private_file(file, "*:*:*:*:s3cret\n");
  EXPECT_EQ(word("dbname=a", "password", file), "");
  EXPECT_EQ(word("dbname=a", "passfile", file), file.string());
  EXPECT_THROW(word("dbname=a", "password", folder.path() / "none"), Error);
}

TEST(Database, NotesAreKeptBeforeWhatTheyTellOf) {
  const TestDatabase live;
  Database::Notes seen;
  bool fails = false;
  DatabasePool pool(live.at(), [&](const Database::Notes& notes) {
    if (fails) fail(Fault::storage, "nowhere to keep them");
    seen.insert(seen.end(), notes.begin(), notes.end());
  });
  pool.write([](Database& db) { db.script("CREATE TABLE pair(a TEXT NOT NULL, b BIGINT)"); });
  const auto write = [&](const char* text, bool breaks = false) {
    pool.write([&](Database& db) {
      db.run("INSERT INTO pair VALUES(?, 1)", {text});
      db.note(text);
      try {
        db.transaction([&] {
          db.note("of a part that fails");
          fail(Fault::input, "it fails");
        });
      } catch (const Error&) {
      }
      if (breaks) fail(Fault::input, "all of it fails");
    });
  };
  write("a");
  EXPECT_THROW(write("b", true), Error);
  fails = true;
  EXPECT_THROW(write("c"), Error);
  fails = false;
  write("d");
  EXPECT_EQ(seen, (Database::Notes{"a", "d"}));
  std::vector<std::string> kept;
  pool.read([&](Database& db) { kept = texts(db, "SELECT a FROM pair ORDER BY a"); });
  EXPECT_EQ(kept, seen);
}

// Three writes of one flush: one that fails takes its own note away, not its neighbours'.
TEST(Database, NotesOfOneFlushAreKeptTogether) {
  const TestDatabase live;
  std::vector<Database::Notes> flushes;
  std::atomic<bool> fails = false;
  DatabasePool pool(live.at(), [&](const Database::Notes& notes) {
    if (fails) fail(Fault::storage, "nowhere to keep them");
    flushes.push_back(notes);
  });
  pool.write([](Database& db) { db.script("CREATE TABLE pair(a TEXT NOT NULL, b BIGINT)"); });
  std::atomic<int> failed = 0;
  const auto write = [&](const char* text, bool breaks) {
    try {
      pool.write([&](Database& db) {
        db.run("INSERT INTO pair VALUES(?, 1)", {text});
        db.note(text);
        if (breaks) fail(Fault::input, "it fails");
      });
    } catch (const Error&) {
      ++failed;
    }
  };
  const auto together = [&] {
    std::atomic<bool> begun = false;
    std::thread first([&] {
      pool.write([&](Database&) {
        begun = true;
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
      });
    });
    while (!begun) std::this_thread::yield();
    std::thread a(write, "a", false), b(write, "b", true), c(write, "c", false);
    for (std::thread* thread : {&first, &a, &b, &c}) thread->join();
  };
  together();
  EXPECT_EQ(failed, 1);
  Database::Notes all;
  for (const auto& flush : flushes) all.insert(all.end(), flush.begin(), flush.end());
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, (Database::Notes{"a", "c"}));
  EXPECT_LE(flushes.size(), 2u);  // one, unless a thread came late
  fails = true;
  together();
  EXPECT_EQ(failed, 4);
  std::optional<std::int64_t> rows;
  pool.read([&](Database& db) { rows = db.integer("SELECT COUNT(*) FROM pair"); });
  EXPECT_EQ(rows, 2);
}

}  // namespace
}  // namespace cangong
