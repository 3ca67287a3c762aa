#include <fstream>

#include "base/progress.h"
#include "encode/token_files.h"
#include "timeline/store.h"

namespace cangong {
namespace {

// The two files of one shard.
class ShardFiles {
 public:
  ShardFiles(const fs::path& folder, std::size_t shard)
      : people_(shard_file(folder, shard, "people"), std::ios::binary),
        events_(shard_file(folder, shard, "events"), std::ios::binary) {}

  void add(const TokenSequence& sequence, TokenSplit split) {
    const PersonRow row{next_, static_cast<std::uint32_t>(sequence.ids.size()), split};
    people_.write(reinterpret_cast<const char*>(&row), sizeof row);
    buffer_.clear();
    for (std::size_t i = 0; i < sequence.ids.size(); ++i)
      buffer_.push_back({sequence.ids[i], sequence.days[i]});
    events_.write(reinterpret_cast<const char*>(buffer_.data()),
                  static_cast<std::streamsize>(buffer_.size() * sizeof(TokenEvent)));
    next_ += sequence.ids.size();
  }
  void finish() {
    people_.flush(), events_.flush();
    if (!people_ || !events_) fail(Fault::storage, "cannot write the tokens: is the disk full?");
  }

 private:
  std::ofstream people_, events_;
  std::vector<TokenEvent> buffer_;
  std::uint64_t next_ = 0;
};

struct LifeCodes {
  std::optional<CodeId> birth, death;
};

// "No event" at the end of what was observed. Who died was observed until then: death is the last
// token, if it is one.
void follow_to_the_end(const Timeline& timeline, const LifeCodes& codes, const FollowUp& follow_up,
                       TokenSequence& sequence) {
  std::optional<Time> birth, last = follow_up.until;
  for (const Event& event : timeline.events()) {
    if (!event.time) continue;
    if (codes.death && event.code == *codes.death) {
      last = event.time;
      break;
    }
    if (codes.birth && event.code == *codes.birth && !birth) birth = event.time;
    if (!follow_up.until && (!last || *event.time > *last) && *event.time <= follow_up.latest)
      last = event.time;
  }
  constexpr float kOldest = 130 * 365.25f;
  if (!birth || !last) return;
  const auto days = static_cast<float>(static_cast<double>((*last - *birth).count()) / 86400e6);
  if (days <= (sequence.days.empty() ? 0 : sequence.days.back()) || days > kOldest) return;
  sequence.ids.push_back(TokenVocabulary::kNoEvent), sequence.days.push_back(days);
}

}  // namespace

TokenTally write_token_shards(const Store& store, const TokenVocabulary& vocabulary,
                              const std::function<TokenSplit(PatientId)>& split,
                              const fs::path& folder, std::size_t threads,
                              const FollowUp& follow_up) {
  fs::create_directories(folder);
  const Tokenizer tokenizer(vocabulary, store.codes(), store.code_infos());
  const LifeCodes codes{store.codes().find("MEDS_BIRTH"), store.codes().find("MEDS_DEATH")};
  const std::size_t count = store.inventory().shards.size();
  std::vector<ShardFiles> files;
  for (std::size_t i = 0; i < count; ++i) files.emplace_back(folder, i);
  std::vector<TokenTally> tallies(count);
  Progress progress("writing tokens", store.inventory().subjects());
  store.each(Columns::unit, threads, [&](std::size_t shard, const Timeline& timeline) {
    stop_if_interrupted();
    TokenTally& tally = tallies[shard];
    auto sequence = tokenizer.tokens(timeline.until(Time::max()));
    tally.unknown += sequence.unknown;
    progress.step();
    if (!sequence.has_birth) return void(++tally.without_birth);
    follow_to_the_end(timeline, codes, follow_up, sequence);
    if (sequence.ids.size() < 2) return void(++tally.too_short);
    ++tally.people, tally.events += sequence.ids.size();
    files[shard].add(sequence, split(timeline.patient()));
  });
  TokenTally all;
  for (std::size_t i = 0; i < count; ++i) {
    files[i].finish();
    const TokenTally& own = tallies[i];
    all.people += own.people, all.events += own.events, all.unknown += own.unknown;
    all.without_birth += own.without_birth, all.too_short += own.too_short;
  }
  return all;
}

}  // namespace cangong
