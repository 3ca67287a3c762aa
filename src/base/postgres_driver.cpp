#include <libpq-fe.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <thread>
#include <unordered_map>

#include "base/database_driver.h"
#include "base/error.h"
#include "base/postgres_at.h"
#include "base/postgres_error.h"
#include "base/postgres_sql.h"
#include "base/text.h"

namespace cangong {
namespace {

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, Clear>;
struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using Connection = std::unique_ptr<PGconn, Finish>;

// Sent before anybody waits: more would fill the buffers between here and there.
constexpr std::size_t kMostSent = 100;

// Of all writers one at a time, as on a file; and of services one, as long as it is connected.
// Both belong to the schema that is written.
constexpr const char* kBegin =
    "BEGIN; SELECT pg_advisory_xact_lock(1667330663, hashtext(current_schema()))";
constexpr const char* kClaim =
    "SELECT pg_try_advisory_lock(1667330664, hashtext(current_schema()))";

// A write is on the server's disk when it is acknowledged, whatever the database's default is.
constexpr const char* kSettings =
    "SET client_min_messages = warning; SET lock_timeout = 10000; SET jit = off;"
    "SET standard_conforming_strings = on; SET extra_float_digits = 1;"
    "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;"
    "SELECT set_config('synchronous_commit', 'on', false)"
    "  WHERE current_setting('synchronous_commit') = 'off';"
    "SELECT current_setting('server_encoding'), coalesce(current_schema(), '')";

class PostgresRow final : public Row {
 public:
  PostgresRow(const PGresult* result, int row) : result_(result), row_(row) {}
  bool is_null(int column) const override { return PQgetisnull(result_, row_, column) != 0; }
  std::int64_t integer(int column) const override {
    const std::string_view told = text(column);
    std::int64_t value = told == "t";  // of a comparison
    std::from_chars(told.data(), told.data() + told.size(), value);
    return value;
  }
  double real(int column) const override {
    const std::string_view told = text(column);
    double value = 0;
    std::from_chars(told.data(), told.data() + told.size(), value);
    return value;
  }
  std::string_view text(int column) const override {
    return {PQgetvalue(result_, row_, column),
            static_cast<std::size_t>(PQgetlength(result_, row_, column))};
  }

 private:
  const PGresult* result_;
  int row_;
};

// As the protocol wants them: numbers as text of which the server knows the type, texts by length.
class Sent {
 public:
  explicit Sent(const Values& values) {
    numbers_.reserve(values.size());
    for (const Value& value : values) add(value);
  }
  int size() const { return static_cast<int>(bytes_.size()); }
  const char* const* bytes() const { return bytes_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }

 private:
  void add(const Value& value) {
    if (const auto* text = std::get_if<std::string_view>(&value))
      return add(text->data() ? text->data() : "", text->size(), 1);
    if (const auto* whole = std::get_if<std::int64_t>(&value))
      return add_number(std::to_string(*whole));
    const auto* real = std::get_if<double>(&value);
    if (!real || std::isnan(*real)) return add(nullptr, 0, 0);  // as SQLite keeps it
    char digits[64];
    add_number(std::string(digits, std::to_chars(digits, digits + 64, *real).ptr));
  }
  void add_number(std::string text) {
    const std::string& kept = numbers_.emplace_back(std::move(text));
    add(kept.c_str(), kept.size(), 0);
  }
  void add(const char* bytes, std::size_t length, int format) {
    bytes_.push_back(bytes), lengths_.push_back(static_cast<int>(length));
    formats_.push_back(format);
  }

  std::vector<std::string> numbers_;
  std::vector<const char*> bytes_;
  std::vector<int> lengths_, formats_;
};

bool reads(std::string_view sql) {
  return sql.starts_with("SELECT");
}

std::string state_of(const PGresult* result) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state ? state : "";
}
std::string message_of(const PGresult* result) {
  const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  return message ? message : "";
}

class Postgres final : public DatabaseDriver {
 public:
  explicit Postgres(const DatabaseAt& at) : at_(at), name_(connection_of(at).name) { connect(); }

  std::int64_t each(std::string_view sql, const Values& values, const Use& use) override {
    const Result result = ask(sql, values);
    const int rows = PQntuples(result.get());
    for (int row = 0; row < rows; ++row) use(PostgresRow(result.get(), row));
    std::int64_t changed = 0;
    const std::string_view told = PQcmdTuples(result.get());
    std::from_chars(told.data(), told.data() + told.size(), changed);
    return changed;
  }
  void put(std::string_view sql, const Values& values) override {
    if (!in_transaction_) return (void)ask(sql, values);
    send(sql, values);
    if (sent_ >= kMostSent) (void)receive();
  }
  void script(const std::string& sql) override {
    if (sent_ > 0) (void)receive();
    require_connection();
    (void)simple(postgres_definitions(sql));
  }

  void begin() override {
    require_connection();
    try {
      (void)simple(kBegin);
    } catch (const Error&) {
      // Nothing was written yet: a server that was started again is called again.
      if (!is_lost()) {
        Result(PQexec(connection_.get(), "ROLLBACK"));
        throw;
      }
      connect();
      (void)simple(kBegin);
    }
    in_transaction_ = true;
  }
  void commit() override {
    if (sent_ > 0) (void)receive();
    const Result done = simple("COMMIT");
    in_transaction_ = false;
    // The server's word where an earlier failure ended the transaction.
    if (std::string_view(PQcmdStatus(done.get())) != "COMMIT")
      fail(Fault::storage, name_ + ": the transaction was ended by an earlier failure");
  }
  void rollback() override {
    in_transaction_ = false;
    discard();
    if (!is_lost()) Result(PQexec(connection_.get(), "ROLLBACK"));
  }
  bool is_in_transaction() const override { return in_transaction_ && !is_lost(); }
  void settle() override {
    if (sent_ > 0) (void)receive();
    if (PQtransactionStatus(connection_.get()) != PQTRANS_INTRANS)
      fail(Fault::storage, name_ + ": the transaction was ended by an earlier failure");
  }
  bool copy_to(const fs::path&) override { return false; }
  bool is_server() const override { return true; }
  const std::string& name() const override { return name_; }
  std::unique_ptr<RowSink> load(const std::string& table,
                                const std::vector<std::string>& columns) override;

  PGconn* connection() { return connection_.get(); }
  [[noreturn]] void raise(const PGresult* result) {
    raise_postgres(name_, result ? state_of(result) : "", result ? message_of(result) : "");
  }

 private:
  bool is_lost() const { return PQstatus(connection_.get()) != CONNECTION_OK; }

  void connect() {
    connection_.reset();
    statements_.clear(), sent_ = 0, new_.clear();
    const PostgresConnection to = connection_of(at_);  // the password may have changed
    std::vector<const char*> keys, values;
    for (const auto& [key, value] : to.words)
      keys.push_back(key.c_str()), values.push_back(value.c_str());
    keys.push_back(nullptr), values.push_back(nullptr);
    connection_.reset(PQconnectdbParams(keys.data(), values.data(), 0));
    if (is_lost())
      fail(Fault::storage, name_ +
                               ": no connection; is the server running, and does it know the "
                               "user? " +
                               std::string(trim(PQerrorMessage(connection_.get()))));
    PQsetNoticeProcessor(
        connection_.get(), [](void*, const char*) {}, nullptr);
    const Result told = simple(kSettings);
    if (std::string_view(PQgetvalue(told.get(), 0, 0)) != "UTF8")
      fail(Fault::storage, name_ + ": its encoding is not UTF8; make it with createdb -E UTF8");
    if (*PQgetvalue(told.get(), 0, 1) == '\0') raise_postgres(name_, "3F000", "");
    if (at_.writers == DatabaseAt::Writers::one_service) claim();
  }
  // One that was killed is gone when the server sees it.
  void claim() {
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(kBusyMilliseconds);
    while (PostgresRow(simple(kClaim).get(), 0).integer(0) == 0) {
      if (std::chrono::steady_clock::now() > end) {
        connection_.reset();
        fail(Fault::denied, name_ + ": another service writes it; a database serves one");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  void require_connection() {
    if (!is_lost()) return;
    if (in_transaction_) raise_postgres(name_, "", "");
    connect();
  }

  Result simple(const std::string& sql) {
    Result result(PQexec(connection_.get(), sql.c_str()));
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) raise(result.get());
    return result;
  }

  Result ask(std::string_view sql, const Values& values) {
    const bool again = !in_transaction_ && reads(sql);
    try {
      send(sql, values);
      return receive();
    } catch (const Error&) {
      if (!again || !is_lost()) throw;
    }
    send(sql, values);
    return receive();
  }

  void send(std::string_view sql, const Values& values) {
    require_connection();
    if (statements_.size() >= kMostStatements && sent_ == 0) {
      (void)simple("DEALLOCATE ALL");
      statements_.clear();
    }
    if (sent_ == 0 && PQenterPipelineMode(connection_.get()) != 1) raise_postgres(name_, "", "");
    auto found = statements_.find(std::string(sql));
    if (found == statements_.end()) {
      const std::string numbered = with_numbered_values(sql), name = "s" + std::to_string(++named_);
      if (PQsendPrepare(connection_.get(), name.c_str(), numbered.c_str(), 0, nullptr) != 1) lose();
      ++sent_;
      new_.emplace_back(sql);
      found = statements_.emplace(std::string(sql), name).first;
    }
    const Sent sent(values);
    if (PQsendQueryPrepared(connection_.get(), found->second.c_str(), sent.size(), sent.bytes(),
                            sent.lengths(), sent.formats(), 0) != 1)
      lose();
    ++sent_;
  }
  // What could not be sent leaves the two sides out of step.
  [[noreturn]] void lose() {
    connection_.reset();
    sent_ = 0;
    raise_postgres(name_, "", "");
  }

  // The last one's answer; throws what the first that failed says.
  Result receive() {
    Result last, bad;
    bool whole = PQpipelineSync(connection_.get()) == 1;
    for (; whole && sent_ > 0; --sent_) {
      last.reset(PQgetResult(connection_.get()));
      whole = last != nullptr;
      while (const Result more{PQgetResult(connection_.get())}) {
      }
      const ExecStatusType status = PQresultStatus(last.get());
      if (whole && !bad && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        bad = std::move(last);
    }
    const Result synced(whole ? PQgetResult(connection_.get()) : nullptr);
    whole = whole && PQresultStatus(synced.get()) == PGRES_PIPELINE_SYNC;
    sent_ = 0;
    if (!whole || PQexitPipelineMode(connection_.get()) != 1) {
      // A server that ends says why.
      const std::string state = bad ? state_of(bad.get()) : "";
      connection_.reset();
      raise_postgres(name_, state, "");
    }
    // Where one failed, those behind it were not prepared.
    if (bad)
      for (const std::string& sql : new_) statements_.erase(sql);
    new_.clear();
    if (bad) raise(bad.get());
    return last;
  }
  void discard() {
    try {
      if (sent_ > 0) (void)receive();
    } catch (const Error&) {
      // It is undone anyway.
    }
  }

  DatabaseAt at_;
  std::string name_;
  Connection connection_;
  std::unordered_map<std::string, std::string> statements_;  // SQL -> its name there
  std::vector<std::string> new_;                             // of what is sent
  std::size_t sent_ = 0;
  std::uint64_t named_ = 0;
  bool in_transaction_ = false;
};

// COPY, as lines of text.
class PostgresRows final : public RowSink {
 public:
  PostgresRows(Postgres& to, const std::string& sql) : to_(to) {
    const Result result(PQexec(to_.connection(), sql.c_str()));
    if (PQresultStatus(result.get()) != PGRES_COPY_IN) to_.raise(result.get());
  }
  ~PostgresRows() override {
    if (finished_) return;
    PQputCopyEnd(to_.connection(), "given up");
    while (const Result rest{PQgetResult(to_.connection())}) {
    }
  }
  PostgresRows(const PostgresRows&) = delete;
  PostgresRows& operator=(const PostgresRows&) = delete;

  void add(const Values& values) override {
    const Sent sent(values);
    for (int i = 0; i < sent.size(); ++i) {
      if (i) lines_ += '\t';
      if (!sent.bytes()[i])
        lines_ += "\\N";
      else
        escape({sent.bytes()[i], static_cast<std::size_t>(sent.lengths()[i])});
    }
    lines_ += '\n';
    if (lines_.size() > 1 << 18) flush();
  }
  void finish() override {
    flush();
    finished_ = true;
    Result bad;
    if (PQputCopyEnd(to_.connection(), nullptr) != 1) to_.raise(nullptr);
    while (Result result{PQgetResult(to_.connection())})
      if (PQresultStatus(result.get()) != PGRES_COMMAND_OK && !bad) bad = std::move(result);
    if (bad) to_.raise(bad.get());
  }

 private:
  void escape(std::string_view text) {
    for (const char c : text) {
      if (c == '\0') raise_postgres(to_.name(), "22021", "");
      const char* escaped = c == '\\'   ? "\\\\"
                            : c == '\n' ? "\\n"
                            : c == '\r' ? "\\r"
                            : c == '\t' ? "\\t"
                                        : nullptr;
      escaped ? lines_ += escaped : lines_ += c;
    }
  }
  void flush() {
    if (PQputCopyData(to_.connection(), lines_.data(), static_cast<int>(lines_.size())) != 1)
      to_.raise(nullptr);
    lines_.clear();
  }

  Postgres& to_;
  std::string lines_;
  bool finished_ = false;
};

std::unique_ptr<RowSink> Postgres::load(const std::string& table,
                                        const std::vector<std::string>& columns) {
  if (sent_ > 0) (void)receive();
  return std::make_unique<PostgresRows>(
      *this, "COPY " + table + "(" + join(columns, ", ") + ") FROM STDIN");
}

}  // namespace

std::unique_ptr<DatabaseDriver> open_postgres(const DatabaseAt& at) {
  return std::make_unique<Postgres>(at);
}

}  // namespace cangong
