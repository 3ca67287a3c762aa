#include "engine/future_record.h"

namespace cangong {

FutureCodes::FutureCodes(const CodeBook& store, const TokenVocabulary& vocabulary)
    : vocabulary_(vocabulary) {
  for (CodeId id = 0; id < store.size(); ++id) codes_.intern(store.name(id));
  for (std::size_t id = 0; id < vocabulary.size(); ++id)
    code_of_.push_back(codes_.intern(vocabulary.token(static_cast<std::int32_t>(id)).code));
  followed_ = codes_.intern(FutureRecord::kFollowed);
}

FutureRecord::FutureRecord(const FutureCodes& codes, const Timeline& known,
                           const AskedMoment& moment)
    : codes_(codes), moment_(moment), history_(known.until(moment.as_of)) {}

Time FutureRecord::at(float days) const {
  constexpr double kDay = 86400e6;
  const double later = (double{days} - moment_.age_days) * kDay;
  return moment_.as_of + Duration(std::max<std::int64_t>(static_cast<std::int64_t>(later), 1));
}

Timeline FutureRecord::with(const Future& future, float until) const {
  const auto known = history_.events();
  auto rows = std::make_shared<std::vector<Event>>(known.begin(), known.end());
  const TokenVocabulary& vocabulary = codes_.vocabulary();
  bool is_dead = false;
  for (std::size_t i = 0; i < future.ids.size(); ++i) {
    const Token& token = vocabulary.token(future.ids[i]);
    if (token.kind == Token::Kind::no_event) continue;
    Event event;
    event.time = at(future.days[i]);
    event.code = codes_.of(future.ids[i]);
    if (token.part) {
      event.number = static_cast<float>(token.value);
      event.unit = vocabulary.unit_of(token.code);
    }
    is_dead = is_dead || is_death(future.ids[i]);
    rows->push_back(event);
  }
  if (!is_dead && !future.is_cut) {
    Event end;
    end.time = at(until), end.code = codes_.followed();
    rows->push_back(end);
  }
  return {history_.patient(), std::span<const Event>(*rows), codes_.codes(), rows};
}

}  // namespace cangong
