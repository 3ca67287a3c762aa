// Our side of the benchmarks: one piece of work each, timed inside the process in CPU seconds, on
// the files that bench/run made. Prints one JSON object.
#include <sys/resource.h>

#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "base/parallel.h"
#include "cohort/label.h"
#include "decide/uncertainty.h"
#include "encode/windowed.h"
#include "engine/engine.h"
#include "evaluate/binary.h"
#include "evaluate/survival.h"
#include "explain/shap.h"
#include "model/elastic_net.h"
#include "model/forest.h"
#include "model/linear.h"
#include "model/mlp.h"
#include "shards.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

// CPU seconds of all threads of this process.
double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

template <class Number>
std::vector<double> read_numbers(const fs::path& file) {
  const std::string bytes = read_file(file);
  std::vector<Number> raw(bytes.size() / sizeof(Number));
  std::memcpy(raw.data(), bytes.data(), raw.size() * sizeof(Number));
  return {raw.begin(), raw.end()};
}

Matrix read_matrix(const fs::path& file, std::size_t columns) {
  const auto values = read_numbers<float>(file);
  Matrix x(values.size() / columns, columns);
  std::copy(values.begin(), values.end(), x.values.begin());
  return x;
}

Dataset read_table(const fs::path& folder, std::size_t columns) {
  Dataset data;
  data.x = read_matrix(folder / "x.f32", columns);
  data.y.values = read_numbers<double>(folder / "y.f64");
  return data;
}

struct Timed {
  double cpu = 0;
  Json result;
};

Timed cox(const fs::path& folder) {
  Dataset data = read_table(folder, 20);
  data.y.answer = Answer::survival;
  data.y.events = read_numbers<double>(folder / "event.f64");
  LinearOptions options;
  options.penalty = "0";
  const double start = cpu_seconds();
  const auto model = fit_linear(options, data, {});
  const double cpu = cpu_seconds() - start;
  return {cpu, {{"coefficients", model->raw_coefficients()}}};
}

Timed c_index(const fs::path& folder) {
  const auto risk = read_numbers<double>(folder / "risk.f64");
  const auto days = read_numbers<double>(folder / "y.f64");
  const auto events = read_numbers<double>(folder / "event.f64");
  const std::vector<double> ones(risk.size(), 1.0);
  const double start = cpu_seconds();
  double value = 0;
  for (int round = 0; round < 10; ++round) value = Concordance(risk, days, events).harrell(ones);
  return {(cpu_seconds() - start) / 10, {{"value", value}}};
}

Timed auroc_bootstrap(const fs::path& folder) {
  const auto score = read_numbers<double>(folder / "risk.f64");
  const auto truth = read_numbers<double>(folder / "event.f64");
  std::vector<PatientId> patients;
  for (std::size_t i = 0; i < score.size(); ++i)
    patients.emplace_back(static_cast<std::int64_t>(i));
  const double start = cpu_seconds();
  const Ranking ranking(score, truth);
  const auto found =
      bootstrap(patients, 1, [&](auto weights, auto out) { out[0] = ranking.auroc(weights); },
                {2000, 1, 0.95, 1});
  return {cpu_seconds() - start,
          {{"value", found[0].value}, {"low", found[0].low}, {"high", found[0].high}}};
}

Timed mlp(const fs::path& folder) {
  const Dataset data = read_table(folder, 40);
  NetworkProblem problem;
  problem.shape.hidden = {64, 64};
  problem.shape.facts = data.x.columns;
  problem.options.dropout = 0;
  problem.options.batch_size = 1024;
  problem.options.learning_rate = 1e-3;
  problem.options.optimizer = "adam";
  problem.options.weight_decay = 0;
  problem.options.schedule = "constant";
  problem.tasks.push_back({Loss::bce, 1, {}});
  problem.train.x = data.x;
  problem.train.answers.resize(1);
  problem.train.answers[0].y.assign(data.y.values.begin(), data.y.values.end());
  NetworkResult warm_up, result;
  problem.options.epochs = 1;
  network_trainer()(problem, warm_up);
  problem.options.epochs = 5;
  problem.options.patience = 5;
  const double start = cpu_seconds();
  network_trainer()(problem, result);
  return {(cpu_seconds() - start) / 5, {{"loss", result.train_loss.back()}}};
}

// At rising numbers of permutations, with the error against the reference: bench/run compares at
// the error of the peer.
Timed shap_values(const fs::path& folder) {
  Fitted fitted;
  fitted.model = load_mlp(read_file(folder / "network.json"));
  const Matrix x = read_matrix(folder / "x.f32", 35);
  const Matrix background = read_matrix(folder / "background.f32", 35);
  const auto reference = read_numbers<double>(folder / "reference.f64");
  Json levels = Json::array();
  double total = 0;
  for (const std::size_t permutations : {1, 2, 3, 4, 5, 6, 8, 12}) {
    const double start = cpu_seconds();
    const RealMatrix parts = shap(fitted, x, background, 0, {permutations, 1});
    const double cpu = cpu_seconds() - start;
    double squares = 0;
    for (std::size_t i = 0; i < x.rows; ++i)
      for (std::size_t j = 0; j < x.columns; ++j)
        squares += std::pow(parts.at(i, j) - reference[i * x.columns + j], 2);
    const double rmse = std::sqrt(squares / static_cast<double>(reference.size()));
    levels.push_back({{"permutations", permutations}, {"cpu", cpu}, {"rmse", rmse}});
    total += cpu;
  }
  return {total, {{"levels", levels}}};
}

// Fit on the published training split of SUPPORT, score on the test split, as the peer does, each
// with the leaf size of its own defaults (15 and 3).
Timed rsf(const fs::path& folder) {
  const auto read = [&](const std::string& part) {
    Dataset data;
    data.x = read_matrix(folder / (part + ".x.f32"), 14);
    data.y.answer = Answer::survival;
    data.y.values = read_numbers<double>(folder / (part + ".time.f64"));
    data.y.events = read_numbers<double>(folder / (part + ".event.f64"));
    return data;
  };
  const Dataset train = read("train"), test = read("test");
  const double start = cpu_seconds();
  ForestOptions options;
  options.trees = 100;
  FitContext context;
  context.threads = default_threads();
  const auto model = fit_forest(options, train, context);
  const Readout readout = Readout::fit(*model, train, test, Recalibration::Kind::none, 365);
  const RealMatrix margins = model->margins(test.x);
  std::vector<double> risk;
  for (std::size_t i = 0; i < test.rows(); ++i) risk.push_back(readout.risk(margins.row(i)));
  const std::vector<double> ones(risk.size(), 1.0);
  const double c = Concordance(risk, test.y.values, test.y.events).harrell(ones);
  return {cpu_seconds() - start, {{"c_index", c}}};
}

// The intervals around as many answers as were judged, and how often they hold the truth.
Timed conformal(const fs::path& folder) {
  Reliability judged;
  judged.value = read_numbers<double>(folder / "value.f64");
  judged.truth = read_numbers<double>(folder / "truth.f64");
  const auto asked = read_numbers<double>(folder / "asked.f64");
  const auto came = read_numbers<double>(folder / "came.f64");
  const double start = cpu_seconds();
  const ValueIntervals intervals(judged);
  double held = 0;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const Interval interval = intervals.around(asked[i]);
    held += came[i] >= interval.low && came[i] <= interval.high;
  }
  return {cpu_seconds() - start, {{"coverage", held / static_cast<double>(asked.size())}}};
}

Timed labels(const fs::path& folder) {
  const double start = cpu_seconds();
  const Store store = Store::open(folder / "store");
  const Labeller labeller({load_task(folder / "task.yaml")}, store.codes());
  const auto rows = label_store(store, labeller, default_threads());
  std::size_t positive = 0;
  for (const auto& row : rows[0]) positive += row.label && std::get<bool>(*row.label);
  return {cpu_seconds() - start,
          {{"rows", rows[0].size()}, {"positive", positive}, {"events", store.inventory().rows()}}};
}

Timed features_of(const fs::path& folder, std::vector<Aggregate> aggregates, bool whole) {
  double start = cpu_seconds();
  const Store store = Store::open(folder / "store");
  WindowedOptions options;
  options.windows = {"1d", "7d", "30d", "all"};
  options.aggregates = std::move(aggregates);
  options.min_patients = 1;
  options.max_codes = 200;
  options.age = false;
  WindowedEncoder encoder(options);
  const StoreHistories histories(store, read_labels(folder / "labels"));
  encoder.fit(histories);
  if (!whole) start = cpu_seconds();
  const Batch batch = encode(encoder, histories, default_threads());
  double sum = 0;
  for (const Entry& entry : batch.entries) sum += entry.value;
  return {cpu_seconds() - start,
          {{"rows", batch.rows()},
           {"columns", encoder.columns().size()},
           {"entries", batch.entries.size()},
           {"sum", sum}}};
}

// Encoding alone, as polars is timed.
Timed features(const fs::path& folder) {
  return features_of(
      folder, {Aggregate::count, Aggregate::mean, Aggregate::min, Aggregate::max, Aggregate::last},
      false);
}

// Opening, fitting and encoding of counts, as meds-tab is timed.
Timed feature_counts(const fs::path& folder) {
  return features_of(folder, {Aggregate::count}, true);
}

// FHIR lines to facts, without a store: a sink that keeps nothing would hide the work of the
// dictionary, so the rows go to a writer that is never committed.
Timed fhir_rows(const fs::path& folder) {
  const TempFolder temporary(folder);
  const double start = cpu_seconds();
  StoreWriter writer(temporary.path() / "store", {std::size_t{1} << 30, ""});
  Identities identities = Identities::open(temporary.path() / "store");
  Sink sink(writer, identities, temporary.path() / "rejects");
  SourceOptions options;
  options.path = folder / "fhir";
  read_fhir(options, sink);
  return {cpu_seconds() - start, {{"rows", sink.tally().rows}, {"events", sink.tally().events}}};
}

double megabytes_below(const fs::path& folder) {
  double bytes = 0;
  for (const auto& file : files_below(folder)) bytes += static_cast<double>(fs::file_size(file));
  return bytes / 1e6;
}

template <class Work>
double wall_seconds(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

Timed synthetic_hospital(const fs::path& folder) {
  const TempFolder temporary(folder);
  SynthesizeRequest request;
  request.threads = default_threads();
  request.patients = 20'000;
  request.into = temporary.path() / "store";
  const double start = cpu_seconds();
  const double wall = wall_seconds([&] { synthesize(request); });
  const double cpu = cpu_seconds() - start;
  request.patients = 2'000;
  request.format = "fhir";
  request.into = temporary.path() / "fhir";
  const double fhir_wall = wall_seconds([&] { synthesize(request); });
  return {
      cpu,
      {{"rate", 20'000 / wall * 60}, {"fhir_mb_per_s", megabytes_below(request.into) / fhir_wall}}};
}

Timed fhir_store(const fs::path& folder) {
  const TempFolder temporary(folder);
  ImportRequest request;
  request.format = "fhir";
  request.source.path = folder / "fhir";
  request.store = temporary.path() / "store";
  ImportReply reply;
  const double start = cpu_seconds();
  const double wall = wall_seconds([&] { reply = import_data(request); });
  return {cpu_seconds() - start,
          {{"wall", wall},
           {"rate", megabytes_below(request.source.path) / wall},
           {"events", reply.tally.events}}};
}

}  // namespace
}  // namespace cangong

int main(int argc, char** argv) {
  using namespace cangong;
  const auto timelines = [](TimelineBench work) {
    return [work](const fs::path& folder) { return Timed{cpu_seconds(), work(folder)}; };
  };
  std::map<std::string, std::function<Timed(const fs::path&)>> works{
      {"cox", cox},
      {"c-index", c_index},
      {"bootstrap", auroc_bootstrap},
      {"mlp", mlp},
      {"shap", shap_values},
      {"rsf", rsf},
      {"conformal", conformal},
      {"synthesize", synthetic_hospital},
      {"labels", labels},
      {"features", features},
      {"feature-counts", feature_counts},
      {"fhir", fhir_rows},
      {"fhir-store", fhir_store},
      {"shards", timelines(bench_shards)}};
  for (const auto& [name, work] : timeline_benches()) works[name] = timelines(work);
  if (argc != 3 || !works.contains(argv[1])) {
    std::fprintf(stderr, "usage: cangong_bench WORK FOLDER\n");
    return 2;
  }
  try {
    const Timed timed = works.at(argv[1])(argv[2]);
    Json json{{"cpu", timed.cpu}, {"rss_mb", peak_megabytes()}};
    json.update(timed.result);
    std::puts(json.dump().c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
