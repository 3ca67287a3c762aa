// All timelines of a store as tokens on disk, read by mapping: the memory of a training does not
// grow with the hospital. Format: docs/formats.md.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "encode/token_vocabulary.h"

namespace cangong {

struct TokenEvent {
  std::int32_t id;
  float days;  // the age
};

enum class TokenSplit : std::uint32_t { train, tuning, held_out };

// What went into shards, and what did not.
struct TokenTally {
  std::uint64_t people = 0, events = 0;  // ends of observation among them
  std::uint64_t unknown = 0;             // events that the vocabulary has no token for
  std::uint64_t without_birth = 0;       // people who therefore have no ages
  std::uint64_t too_short = 0;           // people of whom nothing is followed by anything
};

// Writes a file for each of the store's, into a new folder. Who was observed beyond the last token
// gets "no event" there: without it time in which nothing happened would be left out, and rates be
// too high.
TokenTally write_token_shards(const Store& store, const TokenVocabulary& vocabulary,
                              const std::function<TokenSplit(PatientId)>& split,
                              const fs::path& folder, std::size_t threads,
                              const FollowUp& follow_up = {});

class TokenShards {
 public:
  // Throws Fault::storage where files are cut off, or name ids that the vocabulary has not.
  static TokenShards open(const fs::path& folder, std::size_t vocabulary);

  std::uint64_t events() const;  // of all splits
  std::size_t people(TokenSplit split) const { return people_[static_cast<int>(split)].size(); }
  std::span<const TokenEvent> events(TokenSplit split, std::size_t number) const;

 private:
  struct Shard {
    MappedFile people, events;
  };
  struct Place {
    std::uint32_t shard, row;
  };
  std::vector<Shard> shards_;
  std::vector<Place> people_[3];
};

}  // namespace cangong
