#include "engine/future_record.h"

namespace cangong {

FutureRecord::FutureRecord(const AskedPatient& asked)
    : asked_(asked),
      known_(asked.store.patient(asked.patient)),
      history_(known_.until(asked.moment.as_of)) {
  const CodeBook& own = asked.store.codes();
  for (CodeId id = 0; id < own.size(); ++id) codes_.intern(own.name(id));
  const TokenVocabulary& vocabulary = asked.model.vocabulary();
  for (std::size_t id = 0; id < vocabulary.size(); ++id)
    code_of_.push_back(codes_.intern(vocabulary.token(static_cast<std::int32_t>(id)).code));
  followed_ = codes_.intern(kFollowed);
}

Timeline FutureRecord::with(const Future& future, float until) const {
  const auto known = history_.events();
  auto rows = std::make_shared<std::vector<Event>>(known.begin(), known.end());
  const auto at = [&](float days) {
    constexpr double kDay = 86400e6;
    const double later = (double{days} - asked_.moment.age_days) * kDay;
    return asked_.moment.as_of +
           Duration(std::max<std::int64_t>(static_cast<std::int64_t>(later), 1));
  };
  const TokenVocabulary& vocabulary = asked_.model.vocabulary();
  bool is_dead = false;
  for (std::size_t i = 0; i < future.ids.size(); ++i) {
    const Token& token = vocabulary.token(future.ids[i]);
    if (token.kind == Token::Kind::no_event) continue;
    Event event;
    event.time = at(future.days[i]);
    event.code = code_of_[static_cast<std::size_t>(future.ids[i])];
    if (token.part) {
      event.number = static_cast<float>(token.value);
      event.unit = vocabulary.unit_of(token.code);
    }
    is_dead = is_dead || token.code == "MEDS_DEATH";
    rows->push_back(event);
  }
  if (!is_dead && !future.is_cut) {
    Event end;
    end.time = at(until), end.code = followed_;
    rows->push_back(end);
  }
  return {asked_.patient, std::span<const Event>(*rows), codes_, rows};
}

}  // namespace cangong
