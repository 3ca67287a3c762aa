#include "base/database.h"

#include <exception>
#include <mutex>

#include "base/database_copy.h"
#include "base/database_driver.h"
#include "base/error.h"
#include "base/group_commit.h"

namespace cangong {

Value value_or_null(const std::optional<std::int64_t>& value) {
  return value ? Value(*value) : Value(nullptr);
}
Value value_or_null(const std::optional<double>& value) {
  return value ? Value(*value) : Value(nullptr);
}

Database::Database(const DatabaseAt& at)
    : driver_(at.file.empty() ? open_postgres(at) : open_sqlite(at.file)) {}
Database::~Database() = default;
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;

std::int64_t Database::run(std::string_view sql, const Values& values) {
  return driver_->each(sql, values, [](const Row&) {});
}

void Database::put(std::string_view sql, const Values& values) {
  driver_->put(sql, values);
}

void Database::each(std::string_view sql, const Values& values,
                    const std::function<void(const Row&)>& use) {
  driver_->each(sql, values, use);
}

std::optional<std::int64_t> Database::integer(std::string_view sql, const Values& values) {
  std::optional<std::int64_t> found;
  each(sql, values, [&](const Row& row) {
    if (!found && !row.is_null(0)) found = row.integer(0);
  });
  return found;
}

void Database::script(const std::string& sql) {
  driver_->script(sql);
}

void Database::transaction(const std::function<void()>& work) {
  if (depth_ > 0) return part(work);
  driver_->begin();
  depth_ = 1;
  notes_.clear();
  try {
    work();
    if (!notes_.empty()) {
      driver_->settle();
      keep_notes_(notes_);
    }
    driver_->commit();
    depth_ = 0;
  } catch (...) {
    depth_ = 0;
    driver_->rollback();
    throw;
  }
}

void Database::note(std::string text) {
  ensure(depth_ > 0 && keep_notes_, "notes are of a transaction that keeps them");
  notes_.push_back(std::move(text));
}

void Database::part(const std::function<void()>& work) {
  // A full disk ends the whole transaction, whichever part of it met it.
  if (!driver_->is_in_transaction())
    fail(Fault::storage, driver_->name() + ": the transaction was ended by an earlier failure");
  const int depth = depth_;
  const std::string name = "level" + std::to_string(depth);
  put("SAVEPOINT " + name);
  depth_ = depth + 1;
  const std::size_t notes = notes_.size();
  try {
    work();
    run("RELEASE " + name);
    depth_ = depth;
  } catch (...) {
    depth_ = depth;
    notes_.resize(notes);
    if (driver_->is_in_transaction()) script("ROLLBACK TO " + name + "; RELEASE " + name);
    throw;
  }
}

void Database::copy_to(const fs::path& file) {
  if (!driver_->copy_to(file)) copy_rows_to_file(*this, file);
}

struct DatabasePool::State {
  using Work = std::function<void(Database&)>;
  using Entries = std::vector<GroupCommit<Work>::Entry*>;
  static constexpr std::size_t kMostTogether = 256;  // writes of one flush

  explicit State(const DatabaseAt& given) : at(given), writer(given) {
    at.writers = DatabaseAt::Writers::any;  // those that read
  }

  DatabaseAt at;
  Database writer;
  std::mutex mutex;
  GroupCommit<Work> writes{kMostTogether};
  std::vector<std::unique_ptr<Database>> idle;

  // One transaction; a job that throws leaves nothing of its own.
  void commit(const Entries& jobs) {
    try {
      writer.transaction([&] {
        if (jobs.size() == 1) return (*jobs[0]->work)(writer);
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

DatabasePool::DatabasePool(const DatabaseAt& at,
                           std::function<void(const Database::Notes&)> keep_notes)
    : state_(std::make_unique<State>(at)) {
  state_->writer.keep_notes_by(std::move(keep_notes));
}
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
  if (!mine) mine = std::make_unique<Database>(state_->at);
  work(*mine);  // a connection that failed is not kept
  const std::lock_guard lock(state_->mutex);
  state_->idle.push_back(std::move(mine));
}

void DatabasePool::write(const std::function<void(Database&)>& work) {
  state_->writes.take_part(work, [&](const auto& jobs) { state_->commit(jobs); });
}

}  // namespace cangong
