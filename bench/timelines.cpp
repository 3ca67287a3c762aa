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

DelphiPeople delphi_people(const fs::path& folder, const char* file = "train.bin") {
  std::ifstream in(folder / file, std::ios::binary);
  std::vector<DelphiEvent> rows;
  std::uint32_t row[3];
  while (in.read(reinterpret_cast<char*>(row), sizeof row))
    rows.push_back({row[0], row[1], row[2]});
  if (rows.empty()) fail(Fault::missing, std::string("no ") + file + " in " + folder.string());
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

// Ours, of as many weights: what is additive instead of a layer.
constexpr DelphiShape kAdditive{11, 12, 120, 1270, true};

// Delphi's demonstration recipe (12 layers, 12 heads, 120 wide), or the same with another shape.
class DelphiDemo {
 public:
  DelphiDemo(const fs::path& folder, Device device, FloatFormat format, std::uint64_t seed,
             const DelphiShape& shape = {})
      : people_(delphi_people(folder)), random_(seed) {
    DecoderTraining training;
    training.dropout = 0.1, training.threads = default_threads();
    training.format = format, training.seed = seed;
    trainer_ = decoder_trainer(
        training, DecoderWeights(shape, first_weights(shape, seed), DecoderWeights::Ways::both),
        device);
    options_.no_events = DelphiBatchOptions::NoEvents::random, options_.shifts_lifestyle = true;
  }

  // Returns positions that are no padding, and both losses.
  std::pair<std::size_t, double> step() {
    constexpr std::size_t kPeople = 128;
    std::vector<std::int64_t> chosen;
    for (std::size_t i = 0; i < kPeople; ++i)
      chosen.push_back(random_.below(static_cast<std::uint32_t>(people_.people.size())));
    const DecoderRows batch = decoder_rows(delphi_lesson(delphi_batch(people_, chosen, options_)));
    const DelphiStep told = trainer_->step(batch, DelphiSchedule().at(trainer_->steps()));
    return {batch.rows(), told.cross_entropy + told.waiting};
  }
  // Of all people of a file, as the official code validates.
  DelphiLoss judge(const DelphiPeople& all) const {
    constexpr std::size_t kPeople = 512;
    DelphiLoss sum;
    for (std::size_t first = 0; first < all.people.size(); first += kPeople) {
      std::vector<std::int64_t> chosen(std::min(kPeople, all.people.size() - first));
      std::iota(chosen.begin(), chosen.end(), static_cast<std::int64_t>(first));
      DelphiLesson lesson = delphi_lesson(delphi_batch(all, chosen));
      lesson.is_target = delphi_targets(lesson.batch, DelphiTargets::judging);
      const DelphiLoss own = trainer_->judge(decoder_rows(lesson), delphi::kLastLifestyle + 1);
      const auto targets = static_cast<double>(own.targets);
      sum.cross_entropy += own.cross_entropy * targets, sum.waiting += own.waiting * targets;
      sum.targets += own.targets;
    }
    const auto targets = static_cast<double>(sum.targets);
    return {sum.cross_entropy / targets, sum.waiting / targets, sum.targets};
  }

 private:
  DelphiPeople people_;
  DelphiBatchOptions options_;
  Random random_;
  std::unique_ptr<DecoderTrainer> trainer_;
};

// Steps of the recipe, those at the beginning, in which memory is taken, left out.
BenchJson pretrain(const fs::path& folder, Device device, FloatFormat format) {
  const std::size_t steps = device == Device::processor ? 30 : 300, skipped = steps / 15;
  DelphiDemo demo(folder, device, format, 42);
  double start = 0;
  std::size_t rows = 0;
  for (std::size_t step = 0; step < steps; ++step) {
    if (step == skipped) start = bench_seconds();
    const std::size_t own = demo.step().first;
    rows += step < skipped ? 0 : own;
  }
  return {{"rate", static_cast<double>(rows) / (bench_seconds() - start)},
          {"kernels", device == Device::processor ? kernels().name : name_of(device)},
          {"numbers", name_of(format)}};
}

// The whole of it, judged on all of val.bin every 250 steps.
BenchJson whole_demo(const fs::path& folder, Device device, FloatFormat format,
                     const DelphiShape& shape = {}) {
  constexpr std::size_t kSteps = 5000, kEvery = 250;
  const DelphiPeople judges = delphi_people(folder, "val.bin");
  const char* seed = std::getenv("CANGONG_SEED");
  DelphiDemo demo(folder, device, format, seed ? std::strtoull(seed, nullptr, 10) : 42, shape);
  BenchJson curve = BenchJson::array();
  double seconds = 0, since = 0;
  for (std::size_t step = 0; step < kSteps;) {
    const double start = bench_seconds();
    since = 0;
    for (std::size_t i = 0; i < kEvery; ++i, ++step) since += demo.step().second / kEvery;
    seconds += bench_seconds() - start;
    const DelphiLoss loss = demo.judge(judges);
    curve.push_back({{"step", step},
                     {"cross_entropy", loss.cross_entropy},
                     {"waiting", loss.waiting},
                     {"training", since}});
    std::fprintf(stderr, "%s\n", curve.back().dump().c_str());  // it takes an hour on two cores
  }
  return {{"rate", kSteps / seconds},
          {"seconds", seconds},
          {"device", name_of(device)},
          {"numbers", name_of(format)},
          {"curve", curve}};
}

BenchJson simulate(const fs::path& folder, Device device, FloatFormat format) {
  const DelphiShape shape;
  DecoderWeights weights(shape, first_weights(shape, 42), DecoderWeights::Ways::forward);
  weights.set_format(format);
  const DecoderFutures simulator(weights, all_may_happen(shape), device);
  const DelphiPeople all = delphi_people(folder);
  const auto drawn = [&](std::vector<FutureRequest> requests, std::size_t futures,
                         std::size_t events) {
    for (FutureRequest& request : requests) request.futures = futures, request.most_events = events;
    const double start = bench_seconds();
    const auto told = simulator.draw(requests, 1, default_threads());
    const double seconds = bench_seconds() - start;
    std::size_t tokens = 0;
    for (const auto& person : told)
      for (const Future& future : person) tokens += future.ids.size();
    return std::pair(static_cast<double>(tokens) / seconds, seconds);
  };
  const bool is_device = device != Device::processor;
  if (is_device) (void)drawn(histories(all, 128, 24), 64, 48);  // it warms up
  // 20 years at two events and "no event" every five years: 44 of them.
  const double one_patient = drawn(histories(all, 1, 24), 1000, 44).second;
  return {{"rate", drawn(histories(all, 128, 24), is_device ? 1024 : 4, 48).first},
          {"seconds_of_1000_futures", one_patient},
          {"kernels", is_device ? name_of(device) : kernels().name},
          {"numbers", name_of(format)}};
}

// Each of 256 events left out, all outcomes told.
BenchJson leave_one_out_of_256(const fs::path& folder) {
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
  const double start = bench_seconds();
  leave_one_out(weights, {ids, days}, places, default_threads(), [](std::size_t, const float*) {});
  const double seconds = bench_seconds() - start;
  return {{"rate", 1 / seconds}, {"seconds", seconds}};
}

// 6 x 768 in bfloat16: 20 futures of one patient that share 1,792 events, up to a context of 2,048.
BenchJson simulate_large(Device device) {
  constexpr std::size_t kHistory = 1792, kEvents = 256, kFutures = 20;
  const DelphiShape shape{6, 12, 768, 4096};
  DecoderWeights weights(shape, first_weights(shape, 42), DecoderWeights::Ways::forward);
  weights.set_format(FloatFormat::bfloat16);
  const DecoderFutures simulator(weights, all_may_happen(shape), device);
  Random random(1);
  FutureRequest request;
  for (std::size_t i = 0; i < kHistory; ++i) {
    request.ids.push_back(2 + static_cast<std::int32_t>(random.below(shape.vocabulary - 2)));
    request.days.push_back(static_cast<float>(10 * i));
  }
  request.until = 1e9f, request.most_events = kEvents, request.futures = kFutures;
  const auto seconds_of = [&](std::size_t events) {
    request.most_events = events;
    const double start = bench_seconds();
    (void)simulator.draw({&request, 1}, 1, default_threads());
    return bench_seconds() - start;
  };
  const double shared = seconds_of(1), whole = seconds_of(kEvents);
  return {{"rate", kFutures * (kEvents - 1) / (whole - shared)},
          {"seconds_of_the_history", shared}};
}

// One event more behind 48, and the rates of all.
BenchJson one_event(const fs::path& folder) {
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
      const double start = bench_seconds();
      const DecoderStep::Row row{history.ids[i], history.days[i], nullptr, &cache};
      const float* logits = step.advance({&row, 1});
      (void)kernels().rates(logits, may.data(), rates.data(), shape.vocabulary);
      milliseconds.push_back((bench_seconds() - start) * 1e3);
    }
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  const double p50 = milliseconds[milliseconds.size() / 2];
  return {{"rate", 1e3 / p50},
          {"p50_ms", p50},
          {"p99_ms", milliseconds[milliseconds.size() * 99 / 100]}};
}

}  // namespace

double bench_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

const std::map<std::string, TimelineBench>& timeline_benches() {
  using Path = const fs::path&;
  constexpr auto kHalf = FloatFormat::bfloat16, kWhole = FloatFormat::float32;
  constexpr auto kHere = Device::processor, kCuda = Device::cuda;
  static const std::map<std::string, TimelineBench> all{
      {"pretrain", [](Path folder) { return pretrain(folder, kHere, kWhole); }},
      {"pretrain-cuda", [](Path folder) { return pretrain(folder, kCuda, kWhole); }},
      {"pretrain-cuda-bf16", [](Path folder) { return pretrain(folder, kCuda, kHalf); }},
      {"delphi-demo", [](Path folder) { return whole_demo(folder, kHere, kWhole); }},
      {"delphi-demo-additive",
       [](Path folder) { return whole_demo(folder, kHere, kWhole, kAdditive); }},
      {"delphi-demo-cuda", [](Path folder) { return whole_demo(folder, kCuda, kWhole); }},
      {"delphi-demo-cuda-bf16", [](Path folder) { return whole_demo(folder, kCuda, kHalf); }},
      {"simulate", [](Path folder) { return simulate(folder, kHere, kWhole); }},
      {"simulate-bf16", [](Path folder) { return simulate(folder, kHere, kHalf); }},
      {"simulate-cuda", [](Path folder) { return simulate(folder, kCuda, kWhole); }},
      {"simulate-cuda-bf16", [](Path folder) { return simulate(folder, kCuda, kHalf); }},
      {"simulate-large", [](Path) { return simulate_large(kHere); }},
      {"simulate-large-cuda", [](Path) { return simulate_large(kCuda); }},
      {"leave-one-out", leave_one_out_of_256},
      {"one-event", one_event}};
  return all;
}

}  // namespace cangong
