#include "encode/token_vocabulary.h"

namespace cangong {

std::string birth_token(Time birth, std::size_t years) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(birth));
  const int year = static_cast<int>(day.year()), span = static_cast<int>(years);
  return kBornIn + std::to_string(year - ((year % span) + span) % span);
}

std::string group_token(const std::string& parent) {
  return parent + "+";
}

Tokenizer::Tokenizer(const TokenVocabulary& vocabulary, const CodeBook& codes,
                     const std::vector<CodeInfo>& infos)
    : vocabulary_(vocabulary), entries_(codes.size()), birth_(codes.find("MEDS_BIRTH")) {
  const auto find = [&](const std::string& name) {
    const auto found = vocabulary.ids_.find(name);
    return found == vocabulary.ids_.end() ? -1 : found->second;
  };
  for (std::size_t code = 0; code < codes.size(); ++code) {
    const std::string& name = codes.name(static_cast<CodeId>(code));
    Entry& entry = entries_[code];
    entry.plain = find(name);
    const auto cuts = vocabulary.cuts_.find(name);
    if (entry.plain < 0 || cuts == vocabulary.cuts_.end()) continue;
    entry.cuts = &cuts->second, entry.first_part = entry.plain + 1;
  }
  const auto excluded = patterns_of(vocabulary.excluded_, "the vocabulary's exclude");
  // Of several the one that fewest training patients have: the same whatever else `codes` holds.
  const auto people = [&](std::int32_t id) { return vocabulary.token(id).people; };
  std::map<CodeId, std::int32_t> under;
  for (const auto& [parent, members] : groups_of(codes, infos)) {
    std::int32_t id = find(group_token(parent));
    if (id < 0) id = find(parent);
    if (id < 0) continue;
    for (const std::string& member : members) {
      if (any_in(excluded, member)) continue;
      const CodeId code = *codes.find(member);
      const auto before = under.find(code);
      if (before == under.end() ? entries_[code].plain >= 0 : people(before->second) <= people(id))
        continue;
      entries_[code].plain = under[code] = id;
    }
  }
}

std::int32_t Tokenizer::id_of(const Event& event) const {
  if (event.code >= entries_.size()) return -1;
  const Entry& entry = entries_[event.code];
  if (!event.number || !entry.cuts || event.unit != entry.cuts->unit) return entry.plain;
  return entry.first_part + static_cast<std::int32_t>(entry.cuts->part_of(*event.number));
}

TokenSequence Tokenizer::tokens(const History& history) const {
  TokenSequence sequence;
  std::optional<Time> birth;
  for (const Event& event : history.events())
    if (birth_ && event.code == *birth_ && event.time && !birth) birth = event.time;
  sequence.has_birth = birth.has_value();
  if (!birth) return sequence;
  if (vocabulary_.birth_years_ > 0) {
    const std::int32_t id =
        vocabulary_.id_for(birth_token(*birth, vocabulary_.birth_years_), std::nullopt);
    if (id >= 0) sequence.ids.push_back(id), sequence.days.push_back(0);
  }
  constexpr double kDay = 86400e6;
  for (const Event& event : history.events()) {
    if (event.code == *birth_) continue;
    const std::int32_t id = id_of(event);
    if (id < 0) {
      ++sequence.unknown;
      continue;
    }
    const double days = event.time ? static_cast<double>((*event.time - *birth).count()) / kDay : 0;
    sequence.ids.push_back(id);
    sequence.days.push_back(static_cast<float>(std::max(days, 0.0)));
  }
  return sequence;
}

}  // namespace cangong
