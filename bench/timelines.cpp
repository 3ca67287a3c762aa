#include "timelines.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <numeric>

#include "base/parallel.h"
#include "base/random.h"
#include "model/decoder_futures.h"
#include "model/decoder_step.h"
#include "model/leave_one_out.h"
#include "train/decoder_trainer.h"
#include "train/pretrain_recipe.h"

namespace cangong {
namespace {

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

DelphiPeople delphi_people(const fs::path& folder) {
  std::ifstream in(folder / "train.bin", std::ios::binary);
  std::vector<DelphiEvent> rows;
  std::uint32_t row[3];
  while (in.read(reinterpret_cast<char*>(row), sizeof row))
    rows.push_back({row[0], row[1], row[2]});
  if (rows.empty()) fail(Fault::missing, "no train.bin in " + folder.string());
  return people_of(std::move(rows));
}

FutureRules all_may_happen(const DelphiShape& shape) {
  FutureRules rules;
  rules.happens.assign(shape.vocabulary, 1), rules.recurs.assign(shape.vocabulary, 1);
  rules.ends.assign(shape.vocabulary, 0);
  rules.happens[delphi::kPadding] = 0;
  return rules;
}

// The first `events` of each person.
std::vector<FutureRequest> histories(const DelphiPeople& all, std::size_t people,
                                     std::size_t events) {
  std::vector<FutureRequest> requests;
  for (std::size_t i = 0; requests.size() < people; ++i) {
    const auto& [first, count] = all.people[i];
    if (count < events) continue;
    FutureRequest request;
    for (std::size_t k = first; k < first + events; ++k) {
      request.ids.push_back(static_cast<std::int32_t>(all.rows[k].token + 1));
      request.days.push_back(static_cast<float>(all.rows[k].days));
    }
    request.until = 1e9f;
    requests.push_back(std::move(request));
  }
  return requests;
}

}  // namespace

// Steps of Delphi's demonstration recipe; positions that are no padding.
BenchJson bench_pretrain(const std::filesystem::path& folder) {
  constexpr std::size_t kSteps = 30, kPeople = 128;
  const DelphiPeople all = delphi_people(folder);
  const DelphiShape shape;
  DecoderTraining training;
  training.dropout = 0.1, training.threads = default_threads();
  DecoderTrainer trainer(
      training, DecoderWeights(shape, first_weights(shape, 42), DecoderWeights::Ways::both));
  DelphiBatchOptions options;
  options.no_events = DelphiBatchOptions::NoEvents::random, options.shifts_lifestyle = true;
  Random random(42);
  double seconds = 0;
  std::size_t rows = 0;
  for (std::size_t step = 0; step < kSteps; ++step) {
    const double start = wall_seconds();
    std::vector<std::int64_t> chosen;
    for (std::size_t i = 0; i < kPeople; ++i)
      chosen.push_back(random.below(static_cast<std::uint32_t>(all.people.size())));
    const DecoderRows batch = decoder_rows(delphi_lesson(delphi_batch(all, chosen, options)));
    (void)trainer.step(batch, DelphiSchedule().at(step));
    if (step < 2) continue;  // memory is still being taken
    seconds += wall_seconds() - start, rows += batch.rows();
  }
  return {{"rate", static_cast<double>(rows) / seconds}, {"kernels", kernels().name}};
}

namespace {

BenchJson simulate(const std::filesystem::path& folder, FloatFormat format) {
  const DelphiShape shape;
  DecoderWeights weights(shape, first_weights(shape, 42), DecoderWeights::Ways::forward);
  weights.set_format(format);
  const DecoderFutures simulator(weights, all_may_happen(shape));
  const DelphiPeople all = delphi_people(folder);
  const auto drawn = [&](std::vector<FutureRequest> requests, std::size_t futures,
                         std::size_t events) {
    for (FutureRequest& request : requests) request.futures = futures, request.most_events = events;
    const double start = wall_seconds();
    const auto told = simulator.draw(requests, 1, default_threads());
    const double seconds = wall_seconds() - start;
    std::size_t tokens = 0;
    for (const auto& person : told)
      for (const Future& future : person) tokens += future.ids.size();
    return std::pair(static_cast<double>(tokens) / seconds, seconds);
  };
  // 20 years at two events and "no event" every five years: 44 of them.
  const double one_patient = drawn(histories(all, 1, 24), 1000, 44).second;
  return {{"rate", drawn(histories(all, 128, 24), 4, 48).first},
          {"seconds_of_1000_futures", one_patient},
          {"kernels", kernels().name}};
}

}  // namespace

BenchJson bench_simulate(const std::filesystem::path& folder) {
  return simulate(folder, FloatFormat::float32);
}
BenchJson bench_simulate_bf16(const std::filesystem::path& folder) {
  return simulate(folder, FloatFormat::bfloat16);
}

// Each of 256 events left out, all outcomes told.
BenchJson bench_leave_one_out(const std::filesystem::path& folder) {
  const DelphiShape shape;
  const FutureRequest one = histories(delphi_people(folder), 1, 24).front();
  std::vector<std::int32_t> ids;
  std::vector<float> days;
  for (std::size_t i = 0; i < 257; ++i) {  // no one of the data has so many
    ids.push_back(one.ids[i % one.ids.size()]);
    days.push_back(static_cast<float>(100 * i));
  }
  std::vector<std::size_t> places(256);
  std::iota(places.begin(), places.end(), 0u);
  const DecoderWeights weights(shape, first_weights(shape, 42), DecoderWeights::Ways::forward);
  const double start = wall_seconds();
  leave_one_out(weights, {ids, days}, places, default_threads(), [](std::size_t, const float*) {});
  const double seconds = wall_seconds() - start;
  return {{"rate", 1 / seconds}, {"seconds", seconds}};
}

// 6 x 768 in bfloat16: 20 futures of one patient that share 1,792 events, up to a context of 2,048.
BenchJson bench_simulate_large(const std::filesystem::path&) {
  constexpr std::size_t kHistory = 1792, kEvents = 256, kFutures = 20;
  const DelphiShape shape{6, 12, 768, 4096};
  DecoderWeights weights(shape, first_weights(shape, 42), DecoderWeights::Ways::forward);
  weights.set_format(FloatFormat::bfloat16);
  const DecoderFutures simulator(weights, all_may_happen(shape));
  Random random(1);
  FutureRequest request;
  for (std::size_t i = 0; i < kHistory; ++i) {
    request.ids.push_back(2 + static_cast<std::int32_t>(random.below(shape.vocabulary - 2)));
    request.days.push_back(static_cast<float>(10 * i));
  }
  request.until = 1e9f, request.most_events = kEvents, request.futures = kFutures;
  const auto seconds_of = [&](std::size_t events) {
    request.most_events = events;
    const double start = wall_seconds();
    (void)simulator.draw({&request, 1}, 1, default_threads());
    return wall_seconds() - start;
  };
  const double shared = seconds_of(1), whole = seconds_of(kEvents);
  return {{"rate", kFutures * (kEvents - 1) / (whole - shared)},
          {"seconds_of_the_history", shared}};
}

// A store as token shards: what a training reads, the vocabulary learned before.
BenchJson bench_shards(const std::filesystem::path& folder) {
  const Store store = Store::open(folder / "store");
  const auto everybody = [](PatientId) { return true; };
  double start = wall_seconds();
  const TokenVocabulary vocabulary =
      TokenVocabulary::learn(store, TokenOptions(), everybody, default_threads());
  const double learned = wall_seconds() - start;
  const TempFolder temporary(folder);
  start = wall_seconds();
  const TokenTally tally = write_token_shards(
      store, vocabulary, [](PatientId) { return TokenSplit::train; }, temporary.path() / "tokens",
      default_threads());
  const double seconds = wall_seconds() - start;
  return {{"rate", static_cast<double>(store.inventory().rows()) / seconds},
          {"seconds", seconds},
          {"seconds_of_the_vocabulary", learned},
          {"tokens", tally.events}};
}

// One event more behind 48, and the rates of all.
BenchJson bench_one_event(const std::filesystem::path& folder) {
  const DelphiShape shape;
  const DecoderWeights weights(shape, first_weights(shape, 42), DecoderWeights::Ways::forward);
  const FutureRequest history = histories(delphi_people(folder), 1, 40).front();
  DecoderStep step(weights);
  std::vector<double> milliseconds;
  Floats rates(shape.vocabulary), may(shape.vocabulary);
  for (std::size_t i = 0; i < shape.vocabulary; ++i) may[i] = 1;
  for (std::size_t repeat = 0; repeat < 50; ++repeat) {
    DecoderCache cache(shape.layers, shape.width);
    for (std::size_t i = 0; i < history.ids.size(); ++i) {
      const double start = wall_seconds();
      const DecoderStep::Row row{history.ids[i], history.days[i], nullptr, &cache};
      const float* logits = step.advance({&row, 1});
      (void)kernels().rates(logits, may.data(), rates.data(), shape.vocabulary);
      milliseconds.push_back((wall_seconds() - start) * 1e3);
    }
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  const double p50 = milliseconds[milliseconds.size() / 2];
  return {{"rate", 1e3 / p50},
          {"p50_ms", p50},
          {"p99_ms", milliseconds[milliseconds.size() * 99 / 100]}};
}

}  // namespace cangong
