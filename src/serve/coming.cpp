#include "serve/coming.h"

#include "base/error.h"
#include "base/text.h"
#include "engine/question.h"
#include "serve/answer_resources.h"
#include "serve/prefetch.h"

namespace cangong {
namespace {

constexpr std::size_t kMostPredictions = 40;  // of one RiskAssessment

Json outcome_of(const Call& call, const std::string& code) {
  Json coding{{"code", code}};
  if (const auto known = coding_of(code))
    coding = {{"system", known->first}, {"code", known->second}};
  const std::string meaning = call.hospital().meaning(code);
  if (!meaning.empty()) coding["display"] = meaning;
  return {{"coding", Json::array({coding})}, {"text", meaning.empty() ? code : meaning}};
}

}  // namespace

Coming ask_coming(Call& call, const ComingAsk& ask) {
  const Time as_of = moment_asked(call, ask.as_of, "asOf");
  std::optional<Subject> patient;
  std::optional<Hospital::Record> record;
  if (ask.subject.empty()) {
    record = Hospital::record_of(ask.resources, call.now);
  } else {
    patient = call.patient(ask.subject);
    record = call.hospital().record(patient->number);
  }
  const std::string subject = patient ? patient->id : kAtHand;
  Foretold told = foretell(call.hospital(),
                           {*ask.model, *record, subject, as_of, ask.years, ask.futures, ask.most,
                            /*threads=*/1, ask.supposing},
                           call.asker);
  return {std::move(told), std::move(*record), patient};
}

std::string coming_bundle(const Call& call, const ServedTimelines& model, const Coming& coming,
                          const Writing& writing) {
  const Foretold& told = coming.told;
  const AnswerStamp stamp{model.approval, told.id, told.as_of, told.at, told.synthetic};
  Json json = answer_resource("RiskAssessment", stamp, writing);
  json["status"] = "preliminary";
  json["method"] = method_of(model.approval, writing);
  json["subject"] = {{"reference", writing.subject}};
  json["occurrenceDateTime"] = format_time(told.as_of);
  json["performer"] = {{"reference", "Device/" + device_id(model.approval)}};
  Json predictions = Json::array();
  for (const ComingCode& code : told.outlook.codes) {
    if (predictions.size() == kMostPredictions) break;
    predictions.push_back(
        {{"outcome", outcome_of(call, code.code)},
         {"probabilityDecimal", per_cent(code.share)},
         {"_probabilityDecimal", confidence(code.low, code.high)},
         {"whenRange",
          {{"low", days(0)}, {"high", days(told.outlook.years.back() * kDaysOfYear)}}}});
  }
  if (!predictions.empty()) json["prediction"] = predictions;
  const std::string drawn =
      "Shares of " + format_count(told.outlook.futures) +
      " futures that the model drew; the range is of the drawing alone, not of the model.";
  if (!json.contains("note")) json["note"] = Json::array();
  json["note"].push_back({{"text", drawn}});
  return answer_bundle(std::move(json), stamp, writing);
}

}  // namespace cangong
