#include "encode/token_vocabulary.h"

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "base/random.h"

namespace cangong {
namespace {

const std::string kBorn = "BORN//";
constexpr const char* kKinds[] = {"padding", "no_event", "input", "outcome"};
constexpr std::size_t kKept = 2000;  // numbers of a code and unit, for its quantiles

// A sample of a stream of numbers in which each is as likely (Vitter 1985).
struct Reservoir {
  std::vector<float> kept;
  std::uint64_t seen = 0;
  void add(float value, Random& random) {
    ++seen;
    if (kept.size() < kKept) return kept.push_back(value);
    const std::uint64_t at = random.next() % seen;
    if (at < kKept) kept[at] = value;
  }
};

struct Use {
  std::uint64_t people = 0, twice = 0;
  std::map<std::string, Reservoir, std::less<>> numbers;  // by unit
};

// What the training patients of one shard have, by code.
struct ShardUse {
  std::vector<Use> codes;
  Random random{1};

  void add(const Timeline& timeline) {
    std::map<CodeId, std::size_t> own;
    const History history = timeline.until(Time::max());
    for (const Event& event : history.events()) {
      if (event.code >= codes.size()) codes.resize(event.code + 1);
      ++own[event.code];
      if (!event.number || !std::isfinite(*event.number)) continue;
      auto& numbers = codes[event.code].numbers;
      auto unit = numbers.find(event.unit);
      if (unit == numbers.end()) unit = numbers.emplace(std::string(event.unit), Reservoir{}).first;
      unit->second.add(*event.number, random);
    }
    for (const auto& [code, count] : own) ++codes[code].people, codes[code].twice += count > 1;
  }
};

void merge(Use& to, const Use& from, Random& random) {
  to.people += from.people, to.twice += from.twice;
  for (const auto& [unit, numbers] : from.numbers) {
    Reservoir& own = to.numbers[unit];
    if (own.seen == 0) {
      own = numbers;
      continue;
    }
    // Each place goes to one of the two by how many numbers it stands for.
    const std::uint64_t all = own.seen + numbers.seen;
    Reservoir both{{}, all};
    std::size_t a = 0, b = 0;
    while (both.kept.size() < kKept && (a < own.kept.size() || b < numbers.kept.size())) {
      const bool first =
          b >= numbers.kept.size() || (a < own.kept.size() && random.next() % all < own.seen);
      both.kept.push_back(first ? own.kept[a++] : numbers.kept[b++]);
    }
    own = std::move(both);
  }
}

std::vector<Use> use_of(const Store& store, const std::function<bool(PatientId)>& trains,
                        std::size_t threads) {
  std::vector<ShardUse> shards(store.inventory().shards.size());
  for (std::size_t i = 0; i < shards.size(); ++i) shards[i].random = Random(i + 1);
  store.each(Columns::unit, threads, [&](std::size_t shard, const Timeline& timeline) {
    if (trains(timeline.patient())) shards[shard].add(timeline);
  });
  std::vector<Use> all(store.codes().size());
  Random random(0);
  for (const ShardUse& shard : shards)
    for (std::size_t code = 0; code < shard.codes.size(); ++code)
      merge(all[code], shard.codes[code], random);
  return all;
}

// Of each rare code the smallest of its parents that may have enough patients.
std::map<std::string, std::string> best_parents(const std::map<std::string, Use>& rare,
                                                const Groups& groups, std::uint64_t least) {
  std::map<std::string, std::pair<std::size_t, std::string>> best;
  for (const auto& [parent, members] : groups) {
    std::uint64_t people = 0;  // at most: who has several codes is counted for each
    for (const std::string& code : members)
      if (const auto found = rare.find(code); found != rare.end()) people += found->second.people;
    if (people < least) continue;
    for (const std::string& code : members) {
      const auto at = best.find(code);
      if (rare.contains(code) && (at == best.end() || members.size() < at->second.first))
        best[code] = {members.size(), parent};
    }
  }
  std::map<std::string, std::string> parents;
  for (const auto& [code, own] : best) parents[code] = own.second;
  return parents;
}

struct TrainingPeople {
  const Store& store;
  const std::function<bool(PatientId)>& trains;
  std::size_t threads;
};

// The parents as tokens, each patient counted once; those that too few have are none.
std::map<std::string, Use> grouped(const TrainingPeople& people,
                                   const std::map<std::string, std::string>& parents,
                                   std::uint64_t least) {
  std::map<CodeId, std::string> parent_of;
  for (const auto& [code, parent] : parents)
    parent_of[*people.store.codes().find(code)] = group_token(parent);
  if (parent_of.empty()) return {};
  std::vector<std::map<std::string, Use>> shards(people.store.inventory().shards.size());
  const auto count = [&](std::size_t shard, const Timeline& timeline) {
    if (!people.trains(timeline.patient())) return;
    const History history = timeline.until(Time::max());
    std::map<std::string, std::size_t> own;
    for (const Event& event : history.events())
      if (const auto found = parent_of.find(event.code); found != parent_of.end())
        ++own[found->second];
    for (const auto& [token, times] : own)
      ++shards[shard][token].people, shards[shard][token].twice += times > 1;
  };
  people.store.each(Columns::none, people.threads, count);
  std::map<std::string, Use> all;
  for (const auto& shard : shards)
    for (const auto& [token, use] : shard)
      all[token].people += use.people, all[token].twice += use.twice;
  std::erase_if(all, [&](const auto& one) { return one.second.people < least; });
  return all;
}

// By span of years: how many of the training patients were born in it.
std::map<std::string, Use> born_in(const TrainingPeople& people, std::size_t years) {
  std::map<std::string, Use> all;
  const auto birth = people.store.codes().find("MEDS_BIRTH");
  if (!birth || years == 0) return all;
  std::mutex mutex;
  people.store.each(Columns::none, people.threads, [&](std::size_t, const Timeline& timeline) {
    if (!people.trains(timeline.patient())) return;
    const History history = timeline.until(Time::max());
    for (const Event& event : history.events())
      if (event.code == *birth && event.time) {
        const std::lock_guard lock(mutex);
        ++all[birth_token(*event.time, years)].people;
        return;
      }
  });
  return all;
}

const std::pair<const std::string, Reservoir>* commonest(const Use& use) {
  const std::pair<const std::string, Reservoir>* best = nullptr;
  for (const auto& unit : use.numbers)
    if (!best || unit.second.seen > best->second.seen) best = &unit;
  return best;
}

// Between which values the parts lie; empty where the numbers tell nothing apart.
std::vector<float> cuts_of(std::vector<float> values, std::size_t parts) {
  std::sort(values.begin(), values.end());
  std::vector<float> cuts;
  for (std::size_t p = 1; p < parts && !values.empty(); ++p) {
    const float cut = values[p * values.size() / parts];
    if (cut > values.front() && (cuts.empty() || cut > cuts.back())) cuts.push_back(cut);
  }
  return cuts;
}

std::size_t part_of(const std::vector<float>& cuts, float number) {
  return static_cast<std::size_t>(std::upper_bound(cuts.begin(), cuts.end(), number) -
                                  cuts.begin());
}

std::vector<double> medians_of(std::vector<float> values, const std::vector<float>& cuts) {
  std::sort(values.begin(), values.end());
  std::vector<std::vector<float>> parts(cuts.size() + 1);
  for (const float value : values) parts[part_of(cuts, value)].push_back(value);
  std::vector<double> medians;
  for (const auto& part : parts) medians.push_back(part.empty() ? 0 : part[part.size() / 2]);
  return medians;
}

}  // namespace

std::string birth_token(Time birth, std::size_t years) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(birth));
  const int year = static_cast<int>(day.year()), span = static_cast<int>(years);
  return kBorn + std::to_string(year - ((year % span) + span) % span);
}

std::string group_token(const std::string& parent) {
  return parent + "+";
}

TokenVocabulary TokenVocabulary::learn(const Store& store, const TokenOptions& options,
                                       const std::function<bool(PatientId)>& trains,
                                       std::size_t threads) {
  const auto inputs = patterns_of(options.inputs, "tokens: inputs");
  const auto exclude = patterns_of(options.exclude, "tokens: exclude");
  const std::vector<Use> uses = use_of(store, trains, threads);
  std::map<std::string, Use> kept, rare;
  for (std::size_t code = 0; code < uses.size(); ++code) {
    const std::string& name = store.codes().name(static_cast<CodeId>(code));
    if (uses[code].people == 0 || name == "MEDS_BIRTH" || any_in(exclude, name)) continue;
    (uses[code].people < options.least_people && name != "MEDS_DEATH" ? rare : kept)
        .emplace(name, uses[code]);
  }
  kept.merge(grouped(
      {store, trains, threads},
      best_parents(rare, groups_of(store.codes(), store.code_infos()), options.least_people),
      options.least_people));
  for (auto& [name, use] : born_in({store, trains, threads}, options.birth_years))
    if (use.people >= options.least_people) kept.emplace(name, std::move(use));
  std::vector<std::pair<std::uint64_t, std::string>> order;
  for (const auto& [name, use] : kept) order.emplace_back(use.people, name);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  TokenVocabulary vocabulary;
  vocabulary.excluded_ = options.exclude, vocabulary.birth_years_ = options.birth_years;
  vocabulary.tokens_ = {{"", 0, Token::Kind::padding}, {"", 0, Token::Kind::no_event}};
  vocabulary.tokens_[kNoEvent].recurs = true;
  for (const auto kind : {Token::Kind::input, Token::Kind::outcome}) {
    for (const auto& [people, name] : order) {
      const bool is_input = any_in(inputs, name) || name.starts_with(kBorn);
      if (is_input != (kind == Token::Kind::input)) continue;
      if (vocabulary.size() >= options.most_tokens) break;
      const Use& use = kept.at(name);
      vocabulary.tokens_.push_back({name, 0, kind, people, use.twice > 0, 0});
      const auto* numbers = commonest(use);
      if (!numbers || options.parts < 2) continue;
      // As many people share a part as share a token, on average.
      const std::size_t most = people / std::max<std::size_t>(options.least_people, 1);
      const auto cuts = cuts_of(numbers->second.kept, std::min(options.parts, most));
      if (cuts.empty()) continue;
      const auto medians = medians_of(numbers->second.kept, cuts);
      for (std::size_t part = 0; part < medians.size(); ++part)
        vocabulary.tokens_.push_back(
            {name, static_cast<int>(part + 1), kind, people, use.twice > 0, medians[part]});
      vocabulary.cuts_[name] = {numbers->first, cuts};
    }
    if (kind == Token::Kind::input)
      vocabulary.first_outcome_ = static_cast<std::int32_t>(vocabulary.size());
  }
  if (vocabulary.size() == static_cast<std::size_t>(vocabulary.first_outcome_))
    fail(Fault::input,
         "no code is left that could be foretold: the training patients have none "
         "that " +
             std::to_string(options.least_people) + " of them share; lower tokens: least_people");
  vocabulary.index();
  return vocabulary;
}

// Padding, "no event", inputs, outcomes: what the ids of everything else rest on.
void TokenVocabulary::require_order() const {
  const auto kind_at = [&](std::size_t id) {
    if (id < 2) return id == 0 ? Token::Kind::padding : Token::Kind::no_event;
    return id < static_cast<std::size_t>(first_outcome_) ? Token::Kind::input
                                                         : Token::Kind::outcome;
  };
  bool holds = first_outcome_ >= 2 && static_cast<std::size_t>(first_outcome_) < tokens_.size();
  for (std::size_t id = 0; holds && id < tokens_.size(); ++id) {
    const Token& token = tokens_[id];
    holds = token.kind == kind_at(id) &&
            (token.part == 0 || (id > 2 && tokens_[id - 1].code == token.code &&
                                 tokens_[id - 1].part + 1 == token.part));
  }
  for (const auto& [code, cuts] : cuts_) holds = holds && ids_of(code).size() == cuts.at.size() + 2;
  if (!holds) fail(Fault::storage, "the vocabulary is damaged: its tokens are not in their order");
}

void TokenVocabulary::index() {
  ids_.clear();
  for (std::size_t id = 2; id < tokens_.size(); ++id)
    ids_.emplace(tokens_[id].name(), static_cast<std::int32_t>(id));
}

std::vector<std::int32_t> TokenVocabulary::ids_of(const std::string& code) const {
  std::vector<std::int32_t> ids;
  for (std::size_t id = 2; id < tokens_.size(); ++id)
    if (tokens_[id].code == code) ids.push_back(static_cast<std::int32_t>(id));
  return ids;
}

std::int32_t TokenVocabulary::id_for(const std::string& code, std::optional<double> number) const {
  const auto plain = ids_.find(code);
  if (plain == ids_.end() || !number) return plain == ids_.end() ? -1 : plain->second;
  const auto cuts = cuts_.find(code);
  if (cuts == cuts_.end()) return -1;
  const std::size_t part = part_of(cuts->second.at, static_cast<float>(*number));
  return plain->second + 1 + static_cast<std::int32_t>(part);
}

std::vector<std::int32_t> TokenVocabulary::ids_like(const Pattern& pattern) const {
  std::vector<std::int32_t> ids;
  for (std::size_t id = 2; id < tokens_.size(); ++id)
    if (pattern.in(tokens_[id].code)) ids.push_back(static_cast<std::int32_t>(id));
  return ids;
}

std::string_view TokenVocabulary::unit_of(const std::string& code) const {
  const auto found = cuts_.find(code);
  return found == cuts_.end() ? std::string_view() : found->second.unit;
}

std::string TokenVocabulary::json() const {
  nlohmann::ordered_json all{{"format", 1},
                             {"first_outcome", first_outcome_},
                             {"excluded", excluded_},
                             {"birth_years", birth_years_}};
  auto& tokens = all["tokens"] = nlohmann::ordered_json::array();
  for (const Token& token : tokens_)
    tokens.push_back({token.code, token.part, kKinds[static_cast<int>(token.kind)], token.people,
                      token.recurs, token.value});
  auto& cuts = all["cuts"] = nlohmann::ordered_json::object();
  for (const auto& [code, own] : cuts_) cuts[code] = {{"unit", own.unit}, {"at", own.at}};
  return all.dump();
}

TokenVocabulary TokenVocabulary::parse(const std::string& json) {
  try {
    const auto all = nlohmann::json::parse(json);
    TokenVocabulary vocabulary;
    if (all.at("format") != 1)
      fail(Fault::storage, "the vocabulary is of a newer version of this program");
    for (const auto& token : all.at("tokens")) {
      const auto kind = std::find(std::begin(kKinds), std::end(kKinds), token.at(2));
      if (kind == std::end(kKinds))
        fail(Fault::storage, "the vocabulary is damaged: a token's kind");
      vocabulary.tokens_.push_back({token.at(0), token.at(1),
                                    static_cast<Token::Kind>(kind - std::begin(kKinds)),
                                    token.at(3), token.at(4), token.at(5)});
    }
    for (const auto& [code, own] : all.at("cuts").items())
      vocabulary.cuts_[code] = {own.at("unit"), own.at("at").get<std::vector<float>>()};
    vocabulary.first_outcome_ = all.at("first_outcome");
    vocabulary.birth_years_ = all.value("birth_years", std::size_t{0});
    vocabulary.excluded_ = all.at("excluded").get<std::vector<std::string>>();
    vocabulary.require_order();
    vocabulary.index();
    return vocabulary;
  } catch (const nlohmann::json::exception&) {
    fail(Fault::storage, "the vocabulary is damaged: it is not the JSON that was written");
  }
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
  return entry.first_part + static_cast<std::int32_t>(part_of(entry.cuts->at, *event.number));
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
