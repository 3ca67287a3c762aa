#include "base/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/group_commit.h"

namespace cangong {
namespace {

sqlite3_stmt* of(void* statement) {
  return static_cast<sqlite3_stmt*>(statement);
}

// Waits for other processes (the command line beside a service) this long.
constexpr int kBusyMilliseconds = 10000;
constexpr std::size_t kMostStatements = 200;  // kept prepared

}  // namespace

Value value_or_null(const std::optional<std::int64_t>& value) {
  return value ? Value(*value) : Value(nullptr);
}
Value value_or_null(const std::optional<double>& value) {
  return value ? Value(*value) : Value(nullptr);
}

bool Row::is_null(int column) const {
  return sqlite3_column_type(of(statement_), column) == SQLITE_NULL;
}
std::int64_t Row::integer(int column) const {
  return sqlite3_column_int64(of(statement_), column);
}
double Row::real(int column) const {
  return sqlite3_column_double(of(statement_), column);
}
std::string_view Row::text(int column) const {
  const auto* bytes = sqlite3_column_blob(of(statement_), column);
  const int size = sqlite3_column_bytes(of(statement_), column);
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(bytes ? size : 0)};
}

struct Database::State {
  std::string file;
  sqlite3* connection = nullptr;
  std::unordered_map<std::string, sqlite3_stmt*> statements;
  int depth = 0, running = 0;

  ~State() {
    forget_statements();
    sqlite3_close(connection);
  }
  void forget_statements() {
    for (const auto& [sql, statement] : statements) sqlite3_finalize(statement);
    statements.clear();
  }
  [[noreturn]] void raise(int code) const {
    const int kind = code & 0xff;
    if (kind == SQLITE_FULL) fail(Fault::storage, file + ": the disk is full; nothing was changed");
    if (kind == SQLITE_BUSY) fail(Fault::storage, file + ": another program holds it; try again");
    if (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB)
      fail(Fault::storage, file + ": damaged; restore it from a backup");
    fail(Fault::storage, file + ": " + sqlite3_errstr(code) + " (" + std::to_string(code) + ")");
  }
  sqlite3_stmt* prepared(std::string_view sql, const Values& values) {
    auto found = statements.find(std::string(sql));
    if (found == statements.end()) {
      if (statements.size() >= kMostStatements && running == 0) forget_statements();
      sqlite3_stmt* statement = nullptr;
      const int code = sqlite3_prepare_v2(connection, sql.data(), static_cast<int>(sql.size()),
                                          &statement, nullptr);
      if (code != SQLITE_OK) {
        if ((code & 0xff) != SQLITE_ERROR) raise(code);
        fail(Fault::internal, std::string("SQL: ") + sqlite3_errmsg(connection));
      }
      found = statements.emplace(std::string(sql), statement).first;
    }
    sqlite3_stmt* statement = found->second;
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
    return statement;
  }
};

namespace {

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

}  // namespace

Database::Database(const fs::path& file) : state_(std::make_unique<State>()) {
  state_->file = file.string();
  // Never where there is one already: to close it would drop the locks of other connections.
  const int made = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made < 0 && errno != EEXIST) fail(Fault::storage, "cannot make " + file.string());
  if (made >= 0) ::close(made);
  const int code = sqlite3_open_v2(file.c_str(), &state_->connection,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) state_->raise(code);
  sqlite3_busy_timeout(state_->connection, kBusyMilliseconds);
  sqlite3_extended_result_codes(state_->connection, 1);
  script(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;"
      "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;");
}
Database::~Database() = default;
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;

std::int64_t Database::run(std::string_view sql, const Values& values) {
  each(sql, values, [](const Row&) {});
  return sqlite3_changes64(state_->connection);
}

void Database::each(std::string_view sql, const Values& values,
                    const std::function<void(const Row&)>& use) {
  const Reset statement{state_->prepared(sql, values), state_->running};
  int code;
  while ((code = sqlite3_step(statement.statement)) == SQLITE_ROW) use(Row(statement.statement));
  if (code != SQLITE_DONE) state_->raise(code);
}

std::optional<std::int64_t> Database::integer(std::string_view sql, const Values& values) {
  std::optional<std::int64_t> found;
  each(sql, values, [&](const Row& row) {
    if (!found && !row.is_null(0)) found = row.integer(0);
  });
  return found;
}

std::int64_t Database::last_row() const {
  return sqlite3_last_insert_rowid(state_->connection);
}

void Database::script(const std::string& sql) {
  const int code = sqlite3_exec(state_->connection, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) state_->raise(code);
}

void Database::transaction(const std::function<void()>& work) {
  const int depth = state_->depth;
  const std::string name = "level" + std::to_string(depth);
  // A full disk ends the whole transaction, whichever part of it met it.
  if (depth > 0 && sqlite3_get_autocommit(state_->connection))
    fail(Fault::storage, state_->file + ": the transaction was ended by an earlier failure");
  run(depth == 0 ? "BEGIN IMMEDIATE" : "SAVEPOINT " + name);
  state_->depth = depth + 1;
  try {
    work();
    run(depth == 0 ? "COMMIT" : "RELEASE " + name);
    state_->depth = depth;
  } catch (...) {
    state_->depth = depth;
    if (!sqlite3_get_autocommit(state_->connection))
      script(depth == 0 ? "ROLLBACK" : "ROLLBACK TO " + name + "; RELEASE " + name);
    throw;
  }
}

void Database::copy_to(const fs::path& file) {
  Database target(file);
  target.script("PRAGMA journal_mode = DELETE");
  sqlite3_backup* backup =
      sqlite3_backup_init(target.state_->connection, "main", state_->connection, "main");
  if (!backup) fail(Fault::storage, file.string() + ": cannot be written");
  const int code = sqlite3_backup_step(backup, -1);
  sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) target.state_->raise(code);
}

struct DatabasePool::State {
  using Work = std::function<void(Database&)>;
  static constexpr std::size_t kMostTogether = 256;  // writes of one flush

  explicit State(fs::path path) : file(std::move(path)), writer(file) {}

  fs::path file;
  Database writer;
  std::mutex mutex;
  GroupCommit<Work> writes{kMostTogether};
  std::vector<std::unique_ptr<Database>> idle;

  // One transaction; a job that throws leaves nothing of its own.
  void commit(const std::vector<GroupCommit<Work>::Entry*>& jobs) {
    try {
      writer.transaction([&] {
        for (auto* job : jobs) {
          try {
            writer.transaction([&] { (*job->work)(writer); });
          } catch (...) {
            job->failure = std::current_exception();
          }
        }
      });
    } catch (...) {
      for (auto* job : jobs) job->failure = std::current_exception();
    }
  }
};

DatabasePool::DatabasePool(fs::path file) : state_(std::make_unique<State>(std::move(file))) {}
DatabasePool::~DatabasePool() = default;

void DatabasePool::read(const std::function<void(Database&)>& work) {
  std::unique_ptr<Database> mine;
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->idle.empty()) {
      mine = std::move(state_->idle.back());
      state_->idle.pop_back();
    }
  }
  if (!mine) mine = std::make_unique<Database>(state_->file);
  work(*mine);  // a connection that failed is not kept
  const std::lock_guard lock(state_->mutex);
  state_->idle.push_back(std::move(mine));
}

void DatabasePool::write(const std::function<void(Database&)>& work) {
  state_->writes.take_part(work, [&](const auto& jobs) { state_->commit(jobs); });
}

}  // namespace cangong
