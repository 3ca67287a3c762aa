#include "engine/foretell.h"

#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/error.h"
#include "base/new_id.h"
#include "engine/question.h"

namespace cangong {
namespace {

AskedMoment moment_of(Hospital& hospital, const Foretelling& asked) {
  const History history = asked.record.timeline.until(asked.as_of);
  const CodeBook& codes = history.codes();
  const Tokenizer tokenizer(asked.model.model.vocabulary(), codes, hospital.code_infos(codes));
  return asked_moment(tokenizer, history, years_long(asked.years));
}

FutureRequest request_of(const Foretelling& asked, const AskedMoment& moment) {
  FutureRequest request = question_of(asked.model.model, moment.history, moment.age_days);
  request.until = moment.until(years_long(asked.years)), request.futures = asked.futures;
  return request;
}

std::uint64_t seed_of(const Foretelling& asked) {
  constexpr std::size_t kDigits = 15;
  const std::string digest = digest_of(asked.subject + " " + format_time(asked.as_of));
  return std::stoull(digest.substr(0, kDigits), nullptr, 16);
}

nlohmann::ordered_json record_of(const Foretelling& asked, const std::string& id) {
  nlohmann::ordered_json record{{"id", id},
                                {"subject", asked.subject},
                                {"as_of", format_time(asked.as_of)},
                                {"model", asked.model.approval.bundle},
                                {"name", asked.model.id()},
                                {"store", asked.record.store}};
  const Supposing& supposing = asked.supposing;
  if (!supposing.with.empty()) record["with"] = supposing.with;
  if (!supposing.without.empty()) record["without"] = supposing.without;
  if (!supposing.shifted.empty()) record["shifted"] = supposing.shifted;
  return record;
}

}  // namespace

Foretold foretell(Hospital& hospital, const Foretelling& asked, const Asker& asker) {
  require_enough(asked.futures);
  const TimelineModel& model = asked.model.model;
  const AskedMoment moment = moment_of(hospital, asked);
  FutureRequest request = request_of(asked, moment);
  const Drawing drawing{seed_of(asked), asked.threads, asked.most};
  Foretold told;
  told.at = now(), told.id = new_id(told.at), told.as_of = asked.as_of;
  told.synthetic = asked.record.synthetic || model.facts().synthetic;
  told.unknown = moment.history.unknown;
  told.outlook = outlook(model, request, drawing);
  if (!asked.supposing.empty()) {
    suppose(asked.supposing, model, request, told.warnings);
    told.supposed = outlook(model, request, drawing);
  }
  nlohmann::ordered_json record = record_of(asked, told.id);
  record["answer"] = "futures";
  record["futures"] = asked.futures, record["years"] = asked.years, record["seed"] = drawing.seed;
  hospital.note(asker, "predict", record.dump());
  return told;
}

std::vector<PastEvent> drivers_of(Hospital& hospital, const Foretelling& asked,
                                  const std::string& code, const Asker& asker) {
  const TimelineModel& model = asked.model.model;
  std::vector<std::int32_t> outcomes = model.vocabulary().ids_of(code);
  std::erase_if(outcomes, [&](std::int32_t id) { return id < model.vocabulary().first_outcome(); });
  if (outcomes.empty()) fail(Fault::input, "the model can foretell no code of that name");
  const FutureRequest request = request_of(asked, moment_of(hospital, asked));
  auto events = driving_events(model, request, outcomes, asked.threads);
  nlohmann::ordered_json record = record_of(asked, new_id(now()));
  record["answer"] = "drivers", record["code"] = code;
  hospital.note(asker, "predict", record.dump());
  return events;
}

}  // namespace cangong
