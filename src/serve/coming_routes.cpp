// The years to come of one patient, as the pages show them.
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "serve/coming.h"
#include "serve/json.h"
#include "serve/lane.h"

namespace cangong {
namespace {

constexpr std::size_t kMostFutures = 1000;

TimelinesPtr model_in(const Call& call, const Json& body) {
  const std::string name = text_in(body, "model");
  if (auto model = call.hospital().timelines(name)) return model;
  throw HttpError{404, "no approved model of timelines \"" + name +
                           "\"; GET /api/models lists them (timelines)"};
}

double number_in(const Json& body, const char* key, double usual, double least, double most) {
  if (!body.contains(key)) return usual;
  if (!body[key].is_number() || body[key].get<double>() < least || body[key].get<double>() > most)
    throw HttpError{400, std::string(key) + " is a number from " + format_short(least, 3) + " to " +
                             format_short(most, 4)};
  return body[key].get<double>();
}

std::size_t whole_in(const Json& body, const char* key, std::size_t usual, std::size_t least,
                     std::size_t most) {
  const double value = number_in(body, key, static_cast<double>(usual), static_cast<double>(least),
                                 static_cast<double>(most));
  if (value != std::floor(value)) throw HttpError{400, std::string(key) + " is a whole number"};
  return static_cast<std::size_t>(value);
}

std::vector<std::string> texts_in(const Json& body, const char* key) {
  if (!body.contains(key)) return {};
  constexpr std::size_t kMost = 20, kLongest = 200;
  std::vector<std::string> texts;
  if (!body[key].is_array() || body[key].size() > kMost)
    throw HttpError{400,
                    std::string(key) + " is a list of " + std::to_string(kMost) + " codes at most"};
  for (const Json& one : body[key]) {
    if (!one.is_string() || one.get<std::string>().size() > kLongest)
      throw HttpError{400, std::string(key) + " is a list of codes"};
    texts.push_back(one);
  }
  return texts;
}

std::optional<std::string> as_of_in(const Json& body) {
  const std::string as_of = text_in(body, "as_of");
  return as_of.empty() ? std::nullopt : std::optional(as_of);
}

std::string lane_of_code(const std::string& code) {
  Event event;
  return std::string(lane_of(code, event));
}

Json json_of(const Call& call, const ComingCode& code) {
  return {{"code", code.code},
          {"meaning", call.hospital().meaning(code.code)},
          {"lane", lane_of_code(code.code)},
          {"yearly_rate", code.yearly_rate},
          {"share", code.share},
          {"low", code.low},
          {"high", code.high},
          {"method", code.is_counted ? "futures counted" : "rates of futures summed up"},
          {"by", code.by}};
}

Json json_of(const Call& call, const Outlook& outlook) {
  Json codes = Json::array();
  for (const ComingCode& code : outlook.codes) codes.push_back(json_of(call, code));
  return {{"alive", outlook.alive},
          {"events", outlook.events},
          {"codes", codes},
          {"futures_cut", outlook.cut}};
}

}  // namespace

Response coming_years(Call& call) {
  const Json body =
      body_of(call, {"model", "as_of", "years", "futures", "with", "without", "shift"});
  ComingAsk ask{model_in(call, body), call.parts[0], {}, as_of_in(body)};
  ask.years = number_in(body, "years", ask.years, kFewestYears, kMostYears);
  ask.futures = whole_in(body, "futures", ask.futures, 2, kMostFutures);
  ask.supposing = {texts_in(body, "with"), texts_in(body, "without"), texts_in(body, "shift")};
  const Coming coming = ask_coming(call, ask);
  const Foretold& told = coming.told;
  Json json{{"id", told.id},
            {"model", ask.model->id()},
            {"as_of", format_time(told.as_of)},
            {"synthetic", told.synthetic},
            {"age_years", told.outlook.age_years},
            {"years", told.outlook.years},
            {"futures", told.outlook.futures},
            {"unknown_events", told.unknown},
            {"as_recorded", json_of(call, told.outlook)},
            {"warnings", told.warnings}};
  if (told.supposed) json["supposed"] = json_of(call, *told.supposed);
  return json_response(json);
}

Response coming_drivers(Call& call) {
  const Json body = body_of(call, {"model", "as_of", "code"});
  const TimelinesPtr model = model_in(call, body);
  const Time as_of = moment_asked(call, as_of_in(body), "as_of");
  const Subject patient = call.patient(call.parts[0]);
  const Hospital::Record record = call.hospital().record(patient.number);
  const std::string code = text_in(body, "code");
  constexpr double kNow = 0.001;  // years: present rates, at any age
  Json events = Json::array();
  for (const PastEvent& event :
       drivers_of(call.hospital(), {*model, record, patient.id, as_of, kNow}, code, call.asker))
    events.push_back({{"code", event.code},
                      {"meaning", call.hospital().meaning(event.code)},
                      {"age_years", event.age_years},
                      {"ratio", number(event.ratio)}});
  return json_response({{"model", model->id()}, {"code", code}, {"events", events}});
}

}  // namespace cangong
