// What a database has to be able to do behind Database.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/database.h"

namespace cangong {

// Many rows into one table.
class RowSink {
 public:
  virtual ~RowSink() = default;
  virtual void add(const Values& values) = 0;
  virtual void finish() = 0;
};

class DatabaseDriver {
 public:
  using Use = std::function<void(const Row&)>;

  virtual ~DatabaseDriver() = default;
  // Returns rows changed.
  virtual std::int64_t each(std::string_view sql, const Values& values, const Use& use) = 0;
  virtual void put(std::string_view sql, const Values& values) = 0;
  virtual void script(const std::string& sql) = 0;
  // The outer transaction: nobody else writes until it ends.
  virtual void begin() = 0;
  virtual void commit() = 0;
  virtual void rollback() = 0;
  // False where a failure ended the transaction.
  virtual bool is_in_transaction() const = 0;
  // Waits for what was put; throws where some of it failed, or the transaction is over.
  virtual void settle() = 0;
  // As quickly as it can; inside a transaction, and nothing else until it is finished.
  virtual std::unique_ptr<RowSink> load(const std::string& table,
                                        const std::vector<std::string>& columns) = 0;
  // False where its rows have to be copied one by one.
  virtual bool copy_to(const fs::path& file) = 0;
  virtual bool is_server() const = 0;
  // For messages; holds no secret.
  virtual const std::string& name() const = 0;
};

// Programs beside each other (the command line beside a service) wait this long.
inline constexpr int kBusyMilliseconds = 10000;
inline constexpr std::size_t kMostStatements = 200;  // kept prepared

std::unique_ptr<DatabaseDriver> open_sqlite(const fs::path& file);
std::unique_ptr<DatabaseDriver> open_postgres(const DatabaseAt& at);

}  // namespace cangong
