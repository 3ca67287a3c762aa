#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <unordered_map>

#include "base/database_driver.h"
#include "base/error.h"
#include "base/text.h"

namespace cangong {
namespace {

class SqliteRow final : public Row {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}
  bool is_null(int column) const override {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }
  std::int64_t integer(int column) const override {
    return sqlite3_column_int64(statement_, column);
  }
  double real(int column) const override { return sqlite3_column_double(statement_, column); }
  std::string_view text(int column) const override {
    const auto* bytes = sqlite3_column_blob(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    return {static_cast<const char*>(bytes), static_cast<std::size_t>(bytes ? size : 0)};
  }

 private:
  sqlite3_stmt* statement_;
};

// A prepared statement is ready for its next use whatever happens.
struct Reset {
  sqlite3_stmt* statement;
  int& running;
  Reset(sqlite3_stmt* given, int& count) : statement(given), running(count) { ++running; }
  Reset(const Reset&) = delete;
  Reset& operator=(const Reset&) = delete;
  ~Reset() {
    --running;
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
  }
};

class Sqlite final : public DatabaseDriver {
 public:
  explicit Sqlite(const fs::path& file) : file_(file.string()) {
    // Never where there is one already: to close it would drop the locks of other connections.
    const int made = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (made < 0 && errno != EEXIST) fail(Fault::storage, "cannot make " + file_);
    if (made >= 0) ::close(made);
    const int code = sqlite3_open_v2(file.c_str(), &connection_,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    if (code != SQLITE_OK) {
      sqlite3_close(connection_);
      raise(code);
    }
    sqlite3_busy_timeout(connection_, kBusyMilliseconds);
    sqlite3_extended_result_codes(connection_, 1);
  }
  ~Sqlite() override {
    forget_statements();
    sqlite3_close(connection_);
  }
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;

  std::int64_t each(std::string_view sql, const Values& values, const Use& use) override {
    const Reset statement{prepared(sql, values), running_};
    const SqliteRow row(statement.statement);
    int code;
    while ((code = sqlite3_step(statement.statement)) == SQLITE_ROW) use(row);
    if (code != SQLITE_DONE) raise(code);
    return sqlite3_changes64(connection_);
  }
  void put(std::string_view sql, const Values& values) override {
    each(sql, values, [](const Row&) {});
  }
  void script(const std::string& sql) override {
    const int code = sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) raise(code);
  }
  void begin() override { put("BEGIN IMMEDIATE", {}); }
  void commit() override { put("COMMIT", {}); }
  void rollback() override {
    if (is_in_transaction()) script("ROLLBACK");
  }
  bool is_in_transaction() const override { return !sqlite3_get_autocommit(connection_); }
  void settle() override {
    if (!is_in_transaction())
      fail(Fault::storage, file_ + ": the transaction was ended by an earlier failure");
  }
  const std::string& name() const override { return file_; }

  bool copy_to(const fs::path& file) override {
    Sqlite target(file);
    target.script("PRAGMA journal_mode = DELETE");
    sqlite3_backup* backup = sqlite3_backup_init(target.connection_, "main", connection_, "main");
    if (!backup) fail(Fault::storage, file.string() + ": cannot be written");
    const int code = sqlite3_backup_step(backup, -1);
    sqlite3_backup_finish(backup);
    if (code != SQLITE_DONE) target.raise(code);
    return true;
  }
  bool is_server() const override { return false; }
  std::unique_ptr<RowSink> load(const std::string& table,
                                const std::vector<std::string>& columns) override;

 private:
  void forget_statements() {
    for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
    statements_.clear();
  }
  [[noreturn]] void raise(int code) const {
    const int kind = code & 0xff;
    if (kind == SQLITE_FULL)
      fail(Fault::storage, file_ + ": the disk is full; nothing was changed");
    if (kind == SQLITE_BUSY) fail(Fault::storage, file_ + ": another program holds it; try again");
    if (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB)
      fail(Fault::storage, file_ + ": damaged; restore it from a backup");
    fail(Fault::storage, file_ + ": " + sqlite3_errstr(code) + " (" + std::to_string(code) + ")");
  }
  sqlite3_stmt* prepared(std::string_view sql, const Values& values) {
    auto found = statements_.find(std::string(sql));
    if (found == statements_.end()) {
      if (statements_.size() >= kMostStatements && running_ == 0) forget_statements();
      sqlite3_stmt* statement = nullptr;
      const int code = sqlite3_prepare_v2(connection_, sql.data(), static_cast<int>(sql.size()),
                                          &statement, nullptr);
      if (code != SQLITE_OK) {
        if ((code & 0xff) != SQLITE_ERROR) raise(code);
        fail(Fault::internal, std::string("SQL: ") + sqlite3_errmsg(connection_));
      }
      found = statements_.emplace(std::string(sql), statement).first;
    }
    bind(found->second, values);
    return found->second;
  }
  static void bind(sqlite3_stmt* statement, const Values& values) {
    int at = 0;
    for (const Value& value : values) {
      ++at;
      if (const auto* whole = std::get_if<std::int64_t>(&value))
        sqlite3_bind_int64(statement, at, *whole);
      else if (const auto* real = std::get_if<double>(&value))
        sqlite3_bind_double(statement, at, *real);
      else if (const auto* text = std::get_if<std::string_view>(&value))
        sqlite3_bind_text(statement, at, text->data() ? text->data() : "",
                          static_cast<int>(text->size()), SQLITE_STATIC);
      else
        sqlite3_bind_null(statement, at);
    }
  }

  std::string file_;
  sqlite3* connection_ = nullptr;
  std::unordered_map<std::string, sqlite3_stmt*> statements_;
  int running_ = 0;
};

class SqliteRows final : public RowSink {
 public:
  SqliteRows(Sqlite& to, std::string sql) : to_(to), sql_(std::move(sql)) {}
  void add(const Values& values) override { to_.put(sql_, values); }
  void finish() override {}

 private:
  Sqlite& to_;
  std::string sql_;
};

std::unique_ptr<RowSink> Sqlite::load(const std::string& table,
                                      const std::vector<std::string>& columns) {
  std::string marks;
  for (std::size_t i = 0; i < columns.size(); ++i) marks += i ? ", ?" : "?";
  return std::make_unique<SqliteRows>(
      *this, "INSERT INTO " + table + "(" + join(columns, ", ") + ") VALUES(" + marks + ")");
}

}  // namespace

std::unique_ptr<DatabaseDriver> open_sqlite(const fs::path& file) {
  // Statistics of memory that nobody reads would lock each allocation against those of all threads.
  [[maybe_unused]] static const int without_statistics =
      sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  auto driver = std::make_unique<Sqlite>(file);
  // The log is copied back each 32 MB: pages that many writes touch are then copied once.
  driver->script(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;"
      "PRAGMA wal_autocheckpoint = 8000;"
      "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;");
  return driver;
}

}  // namespace cangong
