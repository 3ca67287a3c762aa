// A small SQL database: one file (SQLite, write-ahead log) or PostgreSQL, the same statements on
// both; and a queue that makes many writes durable with one flush.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/file.h"

namespace cangong {

using Value = std::variant<std::nullptr_t, std::int64_t, double, std::string_view>;
using Values = std::vector<Value>;

Value value_or_null(const std::optional<std::int64_t>& value);
Value value_or_null(const std::optional<double>& value);

// One row of an answer; texts are valid until the next row.
class Row {
 public:
  virtual bool is_null(int column) const = 0;
  virtual std::int64_t integer(int column) const = 0;
  virtual double real(int column) const = 0;
  virtual std::string_view text(int column) const = 0;

 protected:
  ~Row() = default;
};

// Where a database lies.
struct DatabaseAt {
  // A service writes alone: another one that asks for the same is refused. On a file the home's
  // lock sees to it.
  enum class Writers { any, one_service };

  DatabaseAt(fs::path given) : file(std::move(given)) {}
  fs::path file;           // SQLite; empty: PostgreSQL
  std::string server;      // "host=... dbname=... user=...", without a password
  fs::path password_file;  // the password alone, or lines as of ~/.pgpass; mode 0600
  Writers writers = Writers::any;
};

class DatabaseDriver;

// One connection; of one thread at a time. Every failure is Fault::storage; a full disk says so.
// A server that was lost is called again: a read outside of a transaction is tried once more, a
// write that was not acknowledged fails.
class Database {
 public:
  // A file is made, with mode 0600, where there is none.
  explicit Database(const DatabaseAt& at);
  ~Database();
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;

  // Statements are prepared once; `values` stand for its question marks. Returns rows changed.
  std::int64_t run(std::string_view sql, const Values& values = {});
  // The same where nobody asks how many: a server is not waited for. Inside a transaction it may
  // fail with a later statement, with its transaction's end at the latest.
  void put(std::string_view sql, const Values& values = {});
  void each(std::string_view sql, const Values& values, const std::function<void(const Row&)>& use);
  std::optional<std::int64_t> integer(std::string_view sql, const Values& values = {});
  // Several statements without values, separated by semicolons. Types of columns are SQLite's.
  void script(const std::string& sql);
  // All or nothing; nested ones are parts of the outer one.
  void transaction(const std::function<void()>& work);
  // What has to be written elsewhere before the transaction around it is kept: together with the
  // notes of its other parts; a part that fails takes its own away.
  void note(std::string text);
  using Notes = std::vector<std::string>;
  // Takes the notes; where it throws, nothing is kept. Without it there may be none.
  void keep_notes_by(std::function<void(const Notes&)> use) { keep_notes_ = std::move(use); }
  // A whole copy as an SQLite file, made while others write.
  void copy_to(const fs::path& file);
  DatabaseDriver& driver() { return *driver_; }

 private:
  void part(const std::function<void()>& work);

  std::unique_ptr<DatabaseDriver> driver_;
  int depth_ = 0;
  Notes notes_;
  std::function<void(const Notes&)> keep_notes_;
};

// Connections to one database for many threads.
class DatabasePool {
 public:
  // `keep_notes`: see Database::note, of all writes that are flushed together.
  explicit DatabasePool(const DatabaseAt& at,
                        std::function<void(const Database::Notes&)> keep_notes = nullptr);
  ~DatabasePool();
  // Reads need no order among each other.
  void read(const std::function<void(Database&)>& work);
  // Returns when `work` is on disk, together with the work of others that waited; throws what it
  // throws, and then none of it is kept.
  void write(const std::function<void(Database&)>& work);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cangong
