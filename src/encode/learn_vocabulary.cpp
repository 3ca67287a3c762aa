#include <algorithm>
#include <mutex>
#include <set>

#include "base/random.h"
#include "encode/token_vocabulary.h"
#include "timeline/store.h"

namespace cangong {
namespace {

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

template <class Cuts>
std::vector<double> medians_of(std::vector<float> values, const Cuts& cuts) {
  std::sort(values.begin(), values.end());
  std::vector<std::vector<float>> parts(cuts.at.size() + 1);
  for (const float value : values) parts[cuts.part_of(value)].push_back(value);
  std::vector<double> medians;
  for (const auto& part : parts) medians.push_back(part.empty() ? 0 : part[part.size() / 2]);
  return medians;
}

}  // namespace

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
      const bool is_input = any_in(inputs, name) || name.starts_with(kBornIn);
      if (is_input != (kind == Token::Kind::input)) continue;
      if (vocabulary.size() >= options.most_tokens) break;
      const Use& use = kept.at(name);
      vocabulary.tokens_.push_back({name, 0, kind, people, use.twice > 0, 0});
      const auto* numbers = commonest(use);
      if (!numbers || options.parts < 2) continue;
      // As many people share a part as share a token, on average.
      const std::size_t most = people / std::max<std::size_t>(options.least_people, 1);
      const Cuts cuts{numbers->first, cuts_of(numbers->second.kept, std::min(options.parts, most))};
      if (cuts.at.empty()) continue;
      const auto medians = medians_of(numbers->second.kept, cuts);
      for (std::size_t part = 0; part < medians.size(); ++part)
        vocabulary.tokens_.push_back(
            {name, static_cast<int>(part + 1), kind, people, use.twice > 0, medians[part]});
      vocabulary.cuts_[name] = cuts;
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

}  // namespace cangong
