// Many threads' small writes, made durable together: whoever comes while nobody writes does the
// writing, for all that wait by then; the first that came meanwhile is next. Each waits for a turn
// of its own, so that nobody is woken in vain.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <vector>

namespace cangong {

template <class Work>
class GroupCommit {
 public:
  struct Entry {
    const Work* work = nullptr;
    std::exception_ptr failure = nullptr;  // set by the commit
  };

  explicit GroupCommit(std::size_t most) : most_(most) {}

  // commit(entries) does the work of several at once, on one of their threads, never two at a time;
  // it throws nothing. Returns when `work` was in one; throws the failure that its entry got.
  template <class Commit>
  void take_part(const Work& work, const Commit& commit) {
    Waiting mine;
    mine.entry.work = &work;
    std::unique_lock lock(mutex_);
    waiting_.push_back(&mine);
    if (writing_) mine.turn.wait(lock, [&] { return mine.done || mine.leads; });
    if (!mine.done) lead(lock, commit);
    if (mine.entry.failure) std::rethrow_exception(mine.entry.failure);
  }

 private:
  struct Waiting {
    Entry entry;
    bool done = false, leads = false;
    std::condition_variable turn;
  };

  template <class Commit>
  void lead(std::unique_lock<std::mutex>& lock, const Commit& commit) {
    const auto end =
        waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(waiting_.size(), most_));
    // Whatever can fail for want of memory does so before anybody's turn is taken.
    const std::vector<Waiting*> mine(waiting_.begin(), end);
    std::vector<Entry*> entries;
    for (Waiting* one : mine) entries.push_back(&one->entry);
    writing_ = true;
    waiting_.erase(waiting_.begin(), end);
    lock.unlock();
    commit(entries);
    lock.lock();
    writing_ = !waiting_.empty();
    if (writing_) {
      waiting_.front()->leads = true;
      waiting_.front()->turn.notify_one();
    }
    for (Waiting* one : mine) {
      one->done = true;
      one->turn.notify_one();  // under the lock: it lives until it is let go
    }
  }

  const std::size_t most_;
  std::mutex mutex_;
  std::vector<Waiting*> waiting_;
  bool writing_ = false;
};

}  // namespace cangong
