#include "engine/foretell.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/error.h"
#include "base/new_id.h"
#include "base/text.h"
#include "engine/question.h"

namespace cangong {
namespace {

// Of all futures of one answer: some tens of seconds at the size of a large hospital's model.
constexpr std::size_t kMostDrawn = 200'000, kFewestEvents = 64;

AskedMoment moment_of(Hospital& hospital, const Foretelling& asked) {
  const History history = asked.record.timeline.until(asked.as_of);
  const CodeBook& codes = history.codes();
  const Tokenizer tokenizer(asked.model.model.vocabulary(), codes, hospital.code_infos(codes));
  return asked_moment(tokenizer, history, years_long(asked.years));
}

FutureRequest request_of(const Foretelling& asked, const AskedMoment& moment) {
  FutureRequest request = question_of(asked.model.model, moment.history, moment.age_days);
  request.until = moment.until(years_long(asked.years)), request.futures = asked.futures;
  request.most_events = std::max<std::size_t>(kMostDrawn / asked.futures, kFewestEvents);
  return request;
}

// One that `cangong simulate --seed` takes, too.
std::uint64_t seed_of(const Foretelling& asked) {
  constexpr std::size_t kDigits = 12, kDay = 10;
  constexpr std::uint64_t kSeeds = 10'000'000;
  const std::string day = format_time(asked.as_of).substr(0, kDay);
  return std::stoull(digest_of(asked.subject + " " + day).substr(0, kDigits), nullptr, 16) % kSeeds;
}

nlohmann::ordered_json record_of(const Foretelling& asked, const std::string& id) {
  nlohmann::ordered_json record{{"id", id},
                                {"subject", asked.subject},
                                {"as_of", format_time(asked.as_of)},
                                {"model", asked.model.approval.bundle},
                                {"name", asked.model.id()},
                                {"store", asked.record.store}};
  for (const auto& [name, codes] : asked.supposing.said())
    if (!codes.empty()) record[name] = codes;
  return record;
}

// A refusal tells something of the record: it is recorded, too.
template <class Work>
auto recorded(Hospital& hospital, const Foretelling& asked, const Asker& asker, const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    if (error.fault != Fault::input) throw;
    nlohmann::ordered_json record = record_of(asked, new_id(now()));
    record["answer"] = "refusal";
    hospital.note(asker, "predict", record.dump());
    throw;
  }
}

Foretold drawn(Hospital& hospital, const Foretelling& asked) {
  const TimelineModel& model = asked.model.model;
  const AskedMoment moment = moment_of(hospital, asked);
  FutureRequest request = request_of(asked, moment), other = request;
  Foretold told;
  told.at = now(), told.id = new_id(told.at), told.as_of = asked.as_of;
  told.synthetic = asked.record.synthetic || model.facts().synthetic;
  told.unknown = moment.history.unknown;
  require_like(model, request, told.warnings);
  suppose(asked.supposing, model, other, told.warnings);
  const Drawing drawing{seed_of(asked), asked.threads, asked.most};
  told.outlook = outlook(model, request, drawing);
  if (!asked.supposing.empty()) told.supposed = outlook(model, other, drawing);
  const std::size_t cut = told.outlook.cut + (told.supposed ? told.supposed->cut : 0);
  if (cut > 0)
    told.warnings.push_back(format_count(cut) +
                            " futures have more events than are drawn: what "
                            "comes behind is not counted, shares are too low");
  return told;
}

}  // namespace

Foretold foretell(Hospital& hospital, const Foretelling& asked, const Asker& asker) {
  require_enough(asked.futures);
  const Foretold told = recorded(hospital, asked, asker, [&] { return drawn(hospital, asked); });
  nlohmann::ordered_json record = record_of(asked, told.id);
  record["answer"] = "futures";
  record["futures"] = asked.futures, record["years"] = asked.years;
  record["seed"] = seed_of(asked);
  hospital.note(asker, "predict", record.dump());
  return told;
}

std::vector<PastEvent> drivers_of(Hospital& hospital, const Foretelling& asked,
                                  const std::string& code, const Asker& asker) {
  const TimelineModel& model = asked.model.model;
  std::vector<std::int32_t> outcomes = model.vocabulary().ids_of(code);
  std::erase_if(outcomes, [&](std::int32_t id) { return id < model.vocabulary().first_outcome(); });
  if (outcomes.empty()) fail(Fault::input, "the model can foretell no code of that name");
  auto events = recorded(hospital, asked, asker, [&] {
    const FutureRequest request = request_of(asked, moment_of(hospital, asked));
    return driving_events(model, request, outcomes, asked.threads);
  });
  nlohmann::ordered_json record = record_of(asked, new_id(now()));
  record["answer"] = "drivers", record["code"] = code;
  hospital.note(asker, "predict", record.dump());
  return events;
}

}  // namespace cangong
