// A small SQL database in one file (SQLite, write-ahead log), and a queue that makes many writes
// durable with one flush.
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
  explicit Row(void* statement) : statement_(statement) {}
  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;

 private:
  void* statement_;
};

// One connection; of one thread at a time. Every failure is Fault::storage; a full disk says so.
class Database {
 public:
  // Made, with mode 0600, where there is none.
  explicit Database(const fs::path& file);
  ~Database();
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;

  // Statements are prepared once; `values` stand for its question marks. Returns rows changed.
  std::int64_t run(std::string_view sql, const Values& values = {});
  void each(std::string_view sql, const Values& values, const std::function<void(const Row&)>& use);
  std::optional<std::int64_t> integer(std::string_view sql, const Values& values = {});
  std::int64_t last_row() const;
  // Several statements without values, separated by semicolons.
  void script(const std::string& sql);
  // All or nothing; nested ones are parts of the outer one.
  void transaction(const std::function<void()>& work);
  // A whole copy, made while others write.
  void copy_to(const fs::path& file);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Connections to one file for many threads.
class DatabasePool {
 public:
  explicit DatabasePool(fs::path file);
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
