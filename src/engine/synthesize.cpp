#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "engine/engine.h"
#include "simulate/export.h"
#include "simulate/life_export.h"

namespace cangong {
namespace {

using simulate::Person;

constexpr std::int64_t kBlock = 256;  // people made side by side, then written in their order

// Calls make(i) for each of a block on several threads, and use(i) in order.
template <class Make, class Use>
void each_number(const SynthesizeRequest& request, const Make& make, const Use& use) {
  Progress progress("synthesizing", static_cast<std::uint64_t>(request.patients));
  for (std::int64_t first = 1; first <= request.patients; first += kBlock) {
    stop_if_interrupted();
    const auto count = static_cast<std::size_t>(std::min(kBlock, request.patients - first + 1));
    parallel_for(count, request.threads,
                 [&](std::size_t i) { make(i, first + static_cast<std::int64_t>(i)); });
    for (std::size_t i = 0; i < count; ++i) use(i);
    progress.at(static_cast<std::uint64_t>(first) + count - 1);
  }
}

void write_store(const SynthesizeRequest& request, const fs::path& folder,
                 simulate::TruthExport& truth, SynthesizeReply& reply) {
  StoreWriter writer(
      folder, {request.memory_bytes, "synthetic hospital, seed " + std::to_string(request.seed)});
  writer.mark_synthetic();
  simulate::StoreExport rows(writer);
  std::vector<Person> people(kBlock);
  each_number(
      request,
      [&](std::size_t i, std::int64_t number) {
        people[i] = simulate::make_person(request.seed, number);
      },
      [&](std::size_t i) {
        rows.add(people[i]);
        truth.add(people[i]);
      });
  truth.finish();
  reply.events = writer.commit().rows();
}

void write_fhir(const SynthesizeRequest& request, const fs::path& folder,
                simulate::TruthExport& truth, SynthesizeReply& reply) {
  fs::create_directories(folder);
  std::vector<std::ofstream> files;
  for (const char* type : simulate::kFhirTypes)
    files.emplace_back(folder / (std::string(type) + ".ndjson"), std::ios::binary);
  std::vector<Person> people(kBlock);
  std::vector<simulate::FhirTexts> texts(kBlock);
  const auto write = [&](std::size_t i) {
    truth.add(people[i]);
    reply.events += people[i].records.size() + 1;
    for (std::size_t t = 0; t < files.size(); ++t) {
      files[t] << texts[i][t];
      texts[i][t].clear();
    }
  };
  each_number(
      request,
      [&](std::size_t i, std::int64_t number) {
        people[i] = simulate::make_person(request.seed, number);
        simulate::add_fhir(people[i], texts[i]);
      },
      write);
  truth.finish();
  for (auto& file : files)
    if (!file.flush()) fail(Fault::storage, "cannot write below " + folder.string());
}

void write_shallow(const SynthesizeRequest& request, const fs::path& folder,
                   const fs::path& truth_folder, SynthesizeReply& reply) {
  write_file(truth_folder / "hazards.json", simulate::hazards_json());
  simulate::TruthExport truth(truth_folder / "years.parquet");
  (request.format == "fhir" ? write_fhir : write_store)(request, folder, truth, reply);
}

// One life of the deep hospital, before it is written.
struct DeepLife {
  simulate::Life life;
  std::vector<simulate::Visit> visits;
  std::optional<simulate::TrueRisks> truth;
};

void write_deep(const SynthesizeRequest& request, const fs::path& folder,
                const fs::path& truth_folder, SynthesizeReply& reply) {
  const auto at = parse_moment(request.truth_at, Zone());
  if (!at || at->last >= simulate::end_of_records() || !(request.truth_years > 0))
    fail(Fault::config, "the truth is told of a moment before the records end (" +
                            format_time(simulate::end_of_records()).substr(0, 10) +
                            "), for some years");
  write_file(truth_folder / "world.json", simulate::world_json());
  simulate::RiskExport truth(truth_folder, at->last, request.truth_years);
  StoreWriter writer(folder, {request.memory_bytes,
                              "deep synthetic hospital, seed " + std::to_string(request.seed)});
  writer.mark_synthetic();
  simulate::LifeExport rows(writer);
  std::vector<DeepLife> lives(kBlock);
  each_number(
      request,
      [&](std::size_t i, std::int64_t number) {
        DeepLife& own = lives[i];
        own.life = simulate::make_life(request.seed, number);
        own.visits = simulate::make_visits(own.life, request.seed);
        own.truth = simulate::true_risks(own.life, truth.age_of(own.life), request.truth_years,
                                         request.truth_futures, request.seed);
      },
      [&](std::size_t i) {
        rows.add(lives[i].life, lives[i].visits);
        if (lives[i].truth) truth.add(lives[i].life, *lives[i].truth);
      });
  truth.finish();
  reply.events = writer.commit().rows();
}

}  // namespace

SynthesizeReply synthesize(const SynthesizeRequest& request) {
  if (request.patients < 1 || request.patients > 100'000'000)
    fail(Fault::config, "--patients is 1 to 100,000,000");
  if (request.format != "meds" && request.format != "fhir")
    fail(Fault::config, "unknown format \"" + request.format + "\" (meds, fhir)");
  if (request.deep && request.format != "meds")
    fail(Fault::config, "the deep hospital is made as a store (--format meds)");
  fs::path into = fs::absolute(request.into).lexically_normal();
  if (into.filename().empty()) into = into.parent_path();  // "name/"
  SynthesizeReply reply;
  reply.truth = into.string() + ".truth";
  for (const auto& folder : {into, reply.truth})
    if (fs::exists(fs::symlink_status(folder)))
      fail(Fault::input, folder.string() +
                             " exists; synthetic patients are never mixed with others: name a new "
                             "folder");
  // Made beside, then moved into place: nothing half-made is ever taken for a hospital.
  fs::create_directories(into.parent_path());
  const TempFolder work(into.parent_path());
  const fs::path folder = work.path() / "hospital", truth_folder = work.path() / "truth";
  fs::create_directories(truth_folder);
  if (request.deep)
    write_deep(request, folder, truth_folder, reply);
  else
    write_shallow(request, folder, truth_folder, reply);
  fs::rename(truth_folder, reply.truth);
  fs::rename(folder, into);
  return reply;
}

}  // namespace cangong
