#include "engine/question.h"

#include <nlohmann/json.hpp>

#include "registry/audit.h"

namespace cangong {
namespace {

constexpr double kDay = 86400e6;

}  // namespace

Duration years_long(double years) {
  return Duration(static_cast<std::int64_t>(years * kDaysOfYear * kDay));
}

float AskedMoment::until(Duration horizon) const {
  return age_days + static_cast<float>(static_cast<double>(horizon.count()) / kDay);
}

AskedMoment asked_moment(const Tokenizer& tokenizer, const History& history, Duration horizon) {
  if (horizon <= Duration(0)) fail(Fault::input, "the horizon lies behind the moment");
  const LifeSoFar life = life_so_far(history);
  if (!life.age_days)
    fail(Fault::input,
         "the record has no MEDS_BIRTH before that moment, so there is no age to ask at");
  if (life.is_dead) fail(Fault::input, "the patient had died by then; nothing follows");
  AskedMoment moment{history.cutoff(), *life.age_days, tokenizer.tokens(history)};
  if (moment.until(horizon) > kOldestDays)
    fail(Fault::input, "the patient would be over 130 years old at the end; ask for fewer years");
  return moment;
}

void require_enough(std::size_t futures) {
  constexpr std::size_t kFewest = 2;
  if (futures < kFewest) fail(Fault::input, "two futures are the fewest that say anything");
}

AskedPatient asked_patient(const FutureQuestion& question) {
  Bundle bundle = Bundle::open(question.bundle);
  TimelineModel model = TimelineModel::open(bundle);
  if (question.format != FloatFormat::float32) model.set_format(question.format);
  Store store = Store::open(question.store);
  const auto moment = parse_moment(question.as_of, Zone(question.zone));
  if (!moment)
    fail(Fault::input,
         "--as-of \"" + question.as_of + "\" is not a date or time; write 2020-03-01T12:00");
  require_enough(question.futures);
  const PatientId patient = find_patient(store, question.subject);
  const Tokenizer tokenizer(model.vocabulary(), store.codes(), store.code_infos());
  AskedMoment asked =
      asked_moment(tokenizer, store.patient(patient).until(moment->last), question.horizon);
  return {std::move(bundle), std::move(model), std::move(store), patient, std::move(asked)};
}

FutureRequest AskedPatient::wanted(const FutureQuestion& question) const {
  FutureRequest request = question_of(model, moment.history, moment.age_days);
  request.until = moment.until(question.horizon), request.futures = question.futures;
  return request;
}

void record_asked(const AskedPatient& asked, const FutureQuestion& question,
                  const AskedRecord& told) {
  nlohmann::ordered_json record{
      {"what", told.what},
      {"subject", asked.patient.for_storage()},
      {"as_of", format_time(asked.moment.as_of)},
      {"model", asked.bundle.digest()},
      {"store", asked.store.digest()},
      {"futures", question.futures},
      {"seed", question.seed},
      {"numbers", name_of(question.format)},
      {"device", name_of(question.device)},
      {"horizon_days", static_cast<double>(question.horizon.count()) / kDay},
      {"value", told.value}};
  record.update(nlohmann::ordered_json::parse(told.more));
  const Time now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  append_audit(question.store / "audit.ndjson", format_time(now), record.dump());
}

}  // namespace cangong
