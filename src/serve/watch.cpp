#include "serve/watch.h"

#include <cmath>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "engine/judge.h"
#include "engine/kept_answers.h"

namespace cangong {
namespace {

constexpr std::size_t kMostWaiting = 5'000;
constexpr std::size_t kMostWatchedTogether = 1'000;
constexpr auto kBetween = std::chrono::milliseconds(500);
// Of one round: enough to tell shares by, and little work.
constexpr std::size_t kMostLookedAt = 50;

std::optional<double> value_of(const Reply& reply) {
  const auto* p = std::get_if<Prediction>(&reply);
  return p ? std::optional(p->value) : std::nullopt;
}

std::vector<std::size_t> columns_without_value(const Pipeline& pipeline, const History& history) {
  std::vector<Entry> entries;
  pipeline.encoder->session(history.codes())->encode(history, entries);
  Batch batch;
  batch.add_row(entries);
  const Matrix row = dense(batch, pipeline.encoder->columns());
  std::vector<std::size_t> none;
  for (const std::size_t column : weightiest_columns(pipeline))
    if (std::isnan(row.at(0, column))) none.push_back(column);
  return none;
}

}  // namespace

struct Watch::State {
  Hospital& hospital;
  Tallies& tallies;
  std::mutex mutex;
  std::condition_variable_any changed;
  std::deque<Seen> waiting;
  std::size_t working = 0;
  std::jthread worker;

  State(Hospital& hospital, Tallies& tallies) : hospital(hospital), tallies(tallies) {}

  // The shadow of the model that answered; null where there is none.
  ModelPtr shadow_of(const Seen& seen) {
    if (seen.model->alias == "shadow") return nullptr;
    for (const ModelPtr& model : hospital.models()->served)
      if (model->name == seen.model->name && model->alias == "shadow") return model;
    return nullptr;
  }

  // Recorded as any answer; nobody is shown it.
  void add_shadow(const Seen& seen, std::vector<KeptAnswer>& kept) {
    const ModelPtr shadow = shadow_of(seen);
    if (!shadow) return;
    const Hospital::Record record{seen.timeline, {}, seen.synthetic, seen.store};
    const Answered answered = hospital.ask({*shadow, record, seen.subject, seen.as_of, {}},
                                           {"(service)", "shadow of " + seen.id, "", ""});
    kept.push_back({answered.id, shadow->id(), shadow->approval.bundle, *seen.patient, seen.as_of,
                    answered.at, value_of(answered.reply), seen.id});
  }

  void look_after(const std::deque<Seen>& batch) {
    std::vector<KeptAnswer> kept;
    std::size_t looked_at = 0;
    for (const Seen& seen : batch) {
      if (looked_at++ < kMostLookedAt)
        tallies.count_missing(
            *seen.model, seen.at,
            columns_without_value(seen.model->pipeline, seen.timeline.until(seen.as_of)));
      if (!seen.patient) continue;
      kept.push_back({seen.id, seen.model->id(), seen.model->approval.bundle, *seen.patient,
                      seen.as_of, seen.at, seen.value, ""});
      add_shadow(seen, kept);
    }
    if (!kept.empty()) hospital.live().write([&](Database& db) { keep_answers(db, kept); });
  }

  void work(const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    while (!stop.stop_requested() || !waiting.empty()) {
      if (waiting.empty()) changed.wait(lock, stop, [&] { return !waiting.empty(); });
      if (waiting.empty()) continue;
      std::deque<Seen> batch;
      while (!waiting.empty() && batch.size() < kMostWatchedTogether)
        batch.push_back(std::move(waiting.front())), waiting.pop_front();
      working = batch.size();
      lock.unlock();
      try {
        look_after(batch);
      } catch (const std::exception&) {
        // Disk full, say: the answers stand in the trail.
      }
      lock.lock();
      working = 0;
      changed.notify_all();
      // Those that come meanwhile are done together.
      if (waiting.size() < kMostWatchedTogether)
        changed.wait_for(lock, stop, kBetween, [] { return false; });
    }
  }
};

Watch::Watch(Hospital& hospital, Tallies& tallies)
    : state_(std::make_unique<State>(hospital, tallies)) {
  hospital.live().write([](Database& db) {
    prepare_kept_answers(db);
    prepare_judgements(db);
  });
  state_->worker =
      std::jthread([state = state_.get()](const std::stop_token& stop) { state->work(stop); });
}
Watch::~Watch() = default;

void Watch::saw(Seen seen) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->waiting.size() >= kMostWaiting) return;
    state_->waiting.push_back(std::move(seen));
  }
  state_->changed.notify_all();
}

void Watch::settle() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [&] { return state_->waiting.empty() && state_->working == 0; });
}

}  // namespace cangong
