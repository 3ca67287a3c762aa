#include "serve/daily.h"

#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

namespace cangong {
namespace {

constexpr auto kBetweenLooks = std::chrono::minutes(10);  // a start has other things to do first

}  // namespace

struct Daily::State {
  Hospital& hospital;
  Jobs& jobs;
  std::mutex mutex;
  std::condition_variable_any changed;
  std::jthread worker;

  State(Hospital& hospital, Jobs& jobs) : hospital(hospital), jobs(jobs) {}

  // There are answers, and no judgement was begun for a day.
  bool is_due(const ServedModel& model) {
    if (model.pipeline.main().readout.answer() == Answer::category) return false;
    const std::int64_t day_ago = (now() - std::chrono::days(1)).time_since_epoch().count();
    bool due = false;
    hospital.live().read([&](Database& db) {
      due = db.integer("SELECT 1 FROM answer WHERE model = ? AND bundle = ? LIMIT 1",
                       {model.id(), model.approval.bundle}) &&
            !db.integer("SELECT 1 FROM job WHERE kind = 'judge' AND model = ? AND created > ?",
                        {model.id(), day_ago});
    });
    return due;
  }

  void look() {
    for (const ModelPtr& model : hospital.models()->served) {
      if (!is_due(*model)) continue;
      const std::string body = nlohmann::json{{"model", model->id()}}.dump();
      jobs.start({"judge", body}, {"(service)", "", "", ""});
    }
  }

  void work(const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      changed.wait_for(lock, stop, kBetweenLooks, [] { return false; });
      if (stop.stop_requested()) return;
      try {
        look();
      } catch (const std::exception&) {
        // The record cannot be read or written now: later again.
      }
    }
  }
};

Daily::Daily(Hospital& hospital, Jobs& jobs) : state_(std::make_unique<State>(hospital, jobs)) {
  state_->worker =
      std::jthread([state = state_.get()](const std::stop_token& stop) { state->work(stop); });
}
Daily::~Daily() = default;

}  // namespace cangong
