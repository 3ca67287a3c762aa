#include "engine/question.h"

#include <nlohmann/json.hpp>

#include "registry/audit.h"

namespace cangong {
namespace {

constexpr double kDay = 86400e6;

}  // namespace

float AskedPatient::until(Duration horizon) const {
  return age_days + static_cast<float>(static_cast<double>(horizon.count()) / kDay);
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
  if (question.horizon <= Duration(0)) fail(Fault::input, "the horizon lies behind --as-of");
  const PatientId patient = find_patient(store, question.subject);
  const Timeline timeline = store.patient(patient);
  const History history = timeline.until(moment->last);
  const Tokenizer tokenizer(model.vocabulary(), store.codes(), store.code_infos());
  AskedPatient asked{
      std::move(bundle),        std::move(model), std::move(store), patient, moment->last, 0,
      tokenizer.tokens(history)};
  if (!asked.history.has_birth)
    fail(Fault::input,
         "the record has no MEDS_BIRTH before that moment, so there is no age to ask at");
  const CodeBook& codes = asked.store.codes();
  const auto birth = codes.find("MEDS_BIRTH"), death = codes.find("MEDS_DEATH");
  for (const Event& event : history.events()) {
    if (birth && event.code == *birth && event.time && asked.age_days == 0)
      asked.age_days =
          static_cast<float>(static_cast<double>((moment->last - *event.time).count()) / kDay);
    if (death && event.code == *death)
      fail(Fault::input, "the patient had died by then; nothing follows");
  }
  constexpr float kOldest = 130 * 365.25f;
  if (asked.until(question.horizon) > kOldest)
    fail(Fault::input, "the patient would be over 130 years old at the end; shorten --years");
  constexpr std::size_t kFewest = 2;
  if (question.futures < kFewest)
    fail(Fault::input, "two futures are the fewest that say anything");
  return asked;
}

void record_asked(const AskedPatient& asked, const FutureQuestion& question,
                  const AskedRecord& told) {
  nlohmann::ordered_json record{
      {"what", told.what},
      {"subject", asked.patient.for_storage()},
      {"as_of", format_time(asked.as_of)},
      {"model", asked.bundle.digest()},
      {"store", asked.store.digest()},
      {"futures", question.futures},
      {"seed", question.seed},
      {"numbers", name_of(question.format)},
      {"horizon_days", static_cast<double>(question.horizon.count()) / kDay},
      {"value", told.value}};
  record.update(nlohmann::ordered_json::parse(told.more));
  const Time now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  append_audit(question.store / "audit.ndjson", format_time(now), record.dump());
}

}  // namespace cangong
