#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "engine/engine.h"
#include "simulate/export.h"

namespace cangong {
namespace {

using simulate::Person;

constexpr std::int64_t kBlock = 256;  // people made side by side, then written in their order

// Calls make(i) for each of a block on several threads, and use(i) in order.
template <class Make, class Use>
void each_person(const SynthesizeRequest& request, const Make& make, const Use& use) {
  Progress progress("synthesizing", static_cast<std::uint64_t>(request.patients));
  for (std::int64_t first = 1; first <= request.patients; first += kBlock) {
    stop_if_interrupted();
    const auto count = static_cast<std::size_t>(std::min(kBlock, request.patients - first + 1));
    parallel_for(count, request.threads, [&](std::size_t i) {
      make(i, simulate::make_person(request.seed, first + static_cast<std::int64_t>(i)));
    });
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
  each_person(
      request, [&](std::size_t i, Person person) { people[i] = std::move(person); },
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
  each_person(
      request,
      [&](std::size_t i, Person person) {
        simulate::add_fhir(person, texts[i]);
        people[i] = std::move(person);
      },
      write);
  truth.finish();
  for (auto& file : files)
    if (!file.flush()) fail(Fault::storage, "cannot write below " + folder.string());
}

}  // namespace

SynthesizeReply synthesize(const SynthesizeRequest& request) {
  if (request.patients < 1 || request.patients > 100'000'000)
    fail(Fault::config, "--patients is 1 to 100,000,000");
  if (request.format != "meds" && request.format != "fhir")
    fail(Fault::config, "unknown format \"" + request.format + "\" (meds, fhir)");
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
  write_file(truth_folder / "hazards.json", simulate::hazards_json());
  simulate::TruthExport truth(truth_folder / "years.parquet");
  (request.format == "fhir" ? write_fhir : write_store)(request, folder, truth, reply);
  fs::rename(truth_folder, reply.truth);
  fs::rename(folder, into);
  return reply;
}

}  // namespace cangong
