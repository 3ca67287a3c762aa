#include "encode/token_shards.h"

#include "encode/token_files.h"

namespace cangong {

TokenShards TokenShards::open(const fs::path& folder, std::size_t vocabulary) {
  TokenShards all;
  for (std::size_t i = 0; fs::exists(shard_file(folder, i, "people")); ++i) {
    Shard shard{MappedFile(shard_file(folder, i, "people")),
                MappedFile(shard_file(folder, i, "events"))};
    const auto people = shard.people.as<PersonRow>();
    const auto events = shard.events.as<TokenEvent>();
    for (std::size_t row = 0; row < people.size(); ++row) {
      const PersonRow& own = people[row];
      if (own.first > events.size() || own.events > events.size() - own.first ||
          own.split > TokenSplit::held_out)
        fail(Fault::storage, "the tokens in " + folder.string() +
                                 " are cut off; remove the folder, and they are written anew");
      all.people_[static_cast<int>(own.split)].push_back(
          {static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(row)});
    }
    for (const TokenEvent& event : events)
      if (event.id < TokenVocabulary::kNoEvent || static_cast<std::size_t>(event.id) >= vocabulary)
        fail(Fault::storage,
             "the tokens in " + folder.string() + " are not of this vocabulary; remove the folder");
    all.shards_.push_back(std::move(shard));
  }
  return all;
}

std::uint64_t TokenShards::events() const {
  std::uint64_t all = 0;
  for (const Shard& shard : shards_) all += shard.events.as<TokenEvent>().size();
  return all;
}

std::span<const TokenEvent> TokenShards::events(TokenSplit split, std::size_t number) const {
  const Place place = people_[static_cast<int>(split)].at(number);
  const PersonRow& row = shards_[place.shard].people.as<PersonRow>()[place.row];
  return shards_[place.shard].events.as<TokenEvent>().subspan(row.first, row.events);
}

}  // namespace cangong
