#include "shards.h"

#include "base/parallel.h"
#include "encode/token_shards.h"

namespace cangong {

// A store as token shards: what a training reads, the vocabulary learned before.
BenchJson bench_shards(const std::filesystem::path& folder) {
  const Store store = Store::open(folder / "store");
  const auto everybody = [](PatientId) { return true; };
  double start = bench_seconds();
  const TokenVocabulary vocabulary =
      TokenVocabulary::learn(store, TokenOptions(), everybody, default_threads());
  const double learned = bench_seconds() - start;
  const TempFolder temporary(folder);
  start = bench_seconds();
  const TokenTally tally = write_token_shards(
      store, vocabulary, [](PatientId) { return TokenSplit::train; }, temporary.path() / "tokens",
      default_threads());
  const double seconds = bench_seconds() - start;
  return {{"rate", static_cast<double>(store.inventory().rows()) / seconds},
          {"seconds", seconds},
          {"seconds_of_the_vocabulary", learned},
          {"tokens", tally.events}};
}

}  // namespace cangong
