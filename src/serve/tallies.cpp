#include "serve/tallies.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <map>
#include <mutex>
#include <numeric>
#include <thread>
#include <tuple>

#include "base/text.h"
#include "evaluate/d_calibration.h"

namespace cangong {
namespace {

constexpr const char* kTallyTables = R"(
CREATE TABLE IF NOT EXISTS tally(day BIGINT NOT NULL, model TEXT NOT NULL, bundle TEXT NOT NULL,
  what TEXT NOT NULL, count DOUBLE PRECISION NOT NULL, PRIMARY KEY(day, model, bundle, what));
)";
constexpr auto kBetweenWrites = std::chrono::seconds(10);

using TallyKey = std::tuple<std::int64_t, std::string, std::string>;  // day, model, bundle
using Counts = std::map<std::string, double>;

void add(DayTally& tally, std::string_view what, double count) {
  const auto whole = static_cast<std::uint64_t>(count);
  if (what.starts_with("decile ")) {
    tally.by_decile.at(static_cast<std::size_t>(what.back() - '0')) += whole;
    tally.answers += whole;
  } else if (what == "no_data" || what == "too_little_data") {
    tally.abstained_data += whole;
  } else if (what == "unlike_training") {
    tally.abstained_unlike += whole;
  } else if (what == "deceased") {
    tally.deceased += whole;
  } else if (what == "watched") {
    tally.watched += count;
  } else if (what.starts_with("missing ")) {
    if (const auto column = parse_integer(what.substr(8)); column && *column >= 0)
      tally.missing[static_cast<std::size_t>(*column)] += count;
  } else if (what == "seconds") {
    tally.seconds += count;
  } else if (what == "slowest") {
    tally.slowest = std::max(tally.slowest, count);
  }
}

}  // namespace

struct Tallies::State {
  DatabasePool& live;
  std::mutex mutex;
  std::condition_variable_any changed;
  std::map<TallyKey, Counts> waiting;
  std::jthread writer;

  explicit State(DatabasePool& live) : live(live) {}

  void write() {
    std::map<TallyKey, Counts> now;
    {
      const std::lock_guard lock(mutex);
      now.swap(waiting);
    }
    if (now.empty()) return;
    try {
      live.write([&](Database& db) {
        for (const auto& [key, counts] : now)
          for (const auto& [what, count] : counts)
            db.run(what == "slowest"
                       ? "INSERT INTO tally VALUES(?, ?, ?, ?, ?) ON CONFLICT(day, model, bundle, "
                         "what) DO UPDATE SET count = CASE WHEN excluded.count > tally.count THEN "
                         "excluded.count ELSE tally.count END"
                       : "INSERT INTO tally VALUES(?, ?, ?, ?, ?) ON CONFLICT(day, model, bundle, "
                         "what) DO UPDATE SET count = tally.count + excluded.count",
                   {std::get<0>(key), std::get<1>(key), std::get<2>(key), what, count});
      });
    } catch (const std::exception&) {  // disk full, say: with the next ones
      const std::lock_guard lock(mutex);
      for (const auto& [key, counts] : now)
        for (const auto& [what, count] : counts) {
          double& known = waiting[key][what];
          known = what == "slowest" ? std::max(known, count) : known + count;
        }
    }
  }
};

Tallies::Tallies(DatabasePool& live) : state_(std::make_unique<State>(live)) {
  live.write([](Database& db) { db.script(kTallyTables); });
  state_->writer = std::jthread([state = state_.get()](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      {
        std::unique_lock lock(state->mutex);
        state->changed.wait_for(lock, stop, kBetweenWrites, [] { return false; });
      }
      state->write();
    }
    state->write();
  });
}
Tallies::~Tallies() = default;

void Tallies::count(const ServedModel& model, const Answered& answered, double seconds) {
  const std::int64_t day =
      std::chrono::floor<std::chrono::days>(answered.at).time_since_epoch().count();
  std::string what;
  if (const auto* p = std::get_if<Prediction>(&answered.reply)) {
    const auto& edges = model.deciles;
    const auto place = std::upper_bound(edges.begin(), edges.end(), p->value) - edges.begin();
    what = "decile " + std::to_string(place);
  } else {
    what = name_of(std::get<Abstention>(answered.reply).why);
  }
  const std::lock_guard lock(state_->mutex);
  Counts& counts = state_->waiting[{day, model.id(), model.approval.bundle}];
  ++counts[what];
  counts["seconds"] += seconds;
  counts["slowest"] = std::max(counts["slowest"], seconds);
}

void Tallies::count_missing(const ServedModel& model, Time at,
                            const std::vector<std::size_t>& columns) {
  const std::int64_t day = std::chrono::floor<std::chrono::days>(at).time_since_epoch().count();
  const std::lock_guard lock(state_->mutex);
  Counts& counts = state_->waiting[{day, model.id(), model.approval.bundle}];
  ++counts["watched"];
  for (const std::size_t column : columns) ++counts["missing " + std::to_string(column)];
}

std::vector<DayTally> Tallies::since(std::int64_t day) {
  state_->write();
  std::vector<DayTally> all;
  state_->live.read([&](Database& db) {
    db.each(
        "SELECT day, model, bundle, what, count FROM tally WHERE day >= ? "
        "ORDER BY day, model, bundle",
        {day}, [&](const Row& row) {
          if (all.empty() || all.back().day != row.integer(0) || all.back().model != row.text(1) ||
              all.back().bundle != row.text(2)) {
            DayTally& fresh = all.emplace_back();
            fresh.day = row.integer(0), fresh.model = row.text(1), fresh.bundle = row.text(2);
            fresh.by_decile.assign(10, 0);
          }
          add(all.back(), row.text(3), row.real(4));
        });
  });
  return all;
}

std::vector<std::uint64_t> by_decile(const std::vector<DayTally>& tallies,
                                     const ServedModel& model) {
  std::vector<std::uint64_t> sums(10, 0);
  for (const DayTally& tally : tallies)
    if (tally.model == model.id() && tally.bundle == model.approval.bundle)
      for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += tally.by_decile[k];
  return sums;
}

std::vector<std::size_t> weightiest_columns(const Pipeline& pipeline) {
  constexpr std::size_t kMost = 20;
  std::vector<std::size_t> order;
  for (std::size_t j = 0; j < pipeline.ranges.size(); ++j)
    if (pipeline.ranges[j].importance > 0) order.push_back(j);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return pipeline.ranges[a].importance > pipeline.ranges[b].importance;
  });
  if (order.size() > kMost) order.resize(kMost);
  return order;
}

std::vector<WatchedColumn> missing_shares(const std::vector<DayTally>& tallies,
                                          const ServedModel& model) {
  constexpr double kFewest = 20;
  double watched = 0;
  std::map<std::size_t, double> missing;
  for (const DayTally& tally : tallies) {
    if (tally.model != model.id() || tally.bundle != model.approval.bundle) continue;
    watched += tally.watched;
    for (const auto& [column, count] : tally.missing) missing[column] += count;
  }
  std::vector<WatchedColumn> all;
  for (const std::size_t column : weightiest_columns(model.pipeline))
    all.push_back({column, model.pipeline.ranges[column].missing,
                   watched < kFewest ? std::nan("") : missing[column] / watched});
  return all;
}

AnswerDrift compare_with_expected(const std::vector<std::uint64_t>& counts,
                                  const std::vector<double>& expected) {
  const double n = static_cast<double>(std::accumulate(counts.begin(), counts.end(), 0ULL));
  if (n < 100 || counts.size() != expected.size()) return {std::nan(""), std::nan("")};
  double psi = 0, squared = 0;
  int used = 0;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    const double seen = static_cast<double>(counts[k]);
    if (expected[k] > 0) squared += std::pow(seen - n * expected[k], 2) / (n * expected[k]), ++used;
    const double share = std::max(seen, 0.5) / n, want = std::max(expected[k], 0.5 / n);
    if (seen > 0 || expected[k] > 0) psi += (share - want) * std::log(share / want);
  }
  return {psi, used > 1 ? chi_squared_tail(squared, used - 1) : std::nan("")};
}

}  // namespace cangong
