#include "serve/coming.h"

#include <chrono>
#include <semaphore>

#include "base/error.h"
#include "base/text.h"
#include "engine/question.h"
#include "serve/answer_resources.h"

namespace cangong {
namespace {

constexpr std::size_t kMostPredictions = 40;  // of one RiskAssessment

// Drawing takes a processor for a second or more: a few at once, so that others are answered.
class OneOfFew {
 public:
  OneOfFew() {
    constexpr auto kPatience = std::chrono::seconds(20);
    if (!places().try_acquire_for(kPatience))
      throw HttpError{503, "too many ask for the years to come at once; ask again in a moment"};
  }
  ~OneOfFew() { places().release(); }
  OneOfFew(const OneOfFew&) = delete;
  OneOfFew& operator=(const OneOfFew&) = delete;

 private:
  static std::counting_semaphore<>& places() {
    static std::counting_semaphore<> places(2);
    return places;
  }
};

Json outcome_of(const Call& call, const std::string& code) {
  Json coding = coding_json(code);
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
  const OneOfFew drawing;
  Foretold told = foretell(call.hospital(),
                           {*ask.model, *record, subject, as_of, ask.years, ask.futures, ask.most,
                            /*threads=*/1, ask.supposing},
                           call.asker);
  return {std::move(told), patient};
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
      "By " + format_count(told.outlook.futures) +
      " futures that the model drew; the range is of the drawing alone, not of the model.";
  if (!json.contains("note")) json["note"] = Json::array();
  json["note"].push_back({{"text", drawn}});
  for (const std::string& warning : told.warnings) json["note"].push_back({{"text", warning}});
  if (told.unknown > 0)
    json["note"].push_back({{"text", format_count(told.unknown) +
                                         " events of the record are of codes that the model does "
                                         "not know"}});
  return answer_bundle(std::move(json), stamp, writing);
}

}  // namespace cangong
