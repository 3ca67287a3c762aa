// $predict: the FHIR operation, for a patient of the record and for data at hand.

#include "base/error.h"
#include "base/text.h"
#include "serve/bulk.h"
#include "serve/coming.h"
#include "serve/json.h"
#include "serve/prediction.h"

namespace cangong {
namespace {

struct Parameters {
  std::vector<std::string> models;
  std::optional<std::string> as_of;
  std::vector<std::string> resources;
  bool explain = false, persist = false;
  std::optional<double> years;
};

std::string text_value(const Json& parameter, std::initializer_list<const char*> keys,
                       const std::string& name) {
  for (const char* key : keys)
    if (parameter.contains(key) && parameter[key].is_string()) return parameter[key];
  throw HttpError{400, "the parameter has no value of its type",
                  "Parameters.parameter(" + name + ")"};
}

bool flag_value(const Json& parameter, const std::string& name) {
  if (!parameter.contains("valueBoolean") || !parameter["valueBoolean"].is_boolean())
    throw HttpError{400, "the parameter needs valueBoolean", "Parameters.parameter(" + name + ")"};
  return parameter["valueBoolean"];
}

double years_value(const Json& parameter) {
  if (parameter.contains("valueDecimal") && parameter["valueDecimal"].is_number()) {
    const double years = parameter["valueDecimal"];
    if (years >= kFewestYears && years <= kMostYears) return years;
  }
  throw HttpError{400, "the parameter is a valueDecimal from 0.1 to 130",
                  "Parameters.parameter(years)"};
}

// What a decimal says does not change its value here: it is read as a number in any case.
std::vector<std::string> resources_of(const Json& bundle) {
  if (!bundle.is_object() || bundle.value("resourceType", "") != "Bundle")
    throw HttpError{400, "data is a Bundle", "Parameters.parameter(data)"};
  if (!bundle.contains("entry") || bundle["entry"].empty()) return {};
  return {bundle.dump()};
}

Parameters parameters_of(const Request& request) {
  const Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object() || body.value("resourceType", "") != "Parameters" ||
      !body.contains("parameter") || !body["parameter"].is_array())
    throw HttpError{400,
                    "the body is a Parameters resource; see GET /fhir/OperationDefinition/predict"};
  Parameters all;
  for (const Json& parameter : body["parameter"]) {
    const std::string name = parameter.is_object() ? parameter.value("name", "") : "";
    if (name == "model")
      all.models.push_back(text_value(parameter, {"valueUri", "valueString", "valueCode"}, name));
    else if (name == "asOf")
      all.as_of = text_value(parameter, {"valueInstant", "valueDateTime"}, name);
    else if (name == "explain")
      all.explain = flag_value(parameter, name);
    else if (name == "persist")
      all.persist = flag_value(parameter, name);
    else if (name == "years")
      all.years = years_value(parameter);
    else if (name == "data")
      all.resources = resources_of(parameter.value("resource", Json()));
    else
      throw HttpError{400,
                      "a parameter that $predict does not know; it knows model, asOf, data, "
                      "years, explain and persist"};
  }
  if (all.models.size() != 1) throw HttpError{400, "name one model", "Parameters.parameter(model)"};
  return all;
}

// The answer's resources, into the live record. No event comes of them: no model learns from
// models.
void persist(Call& call, const Subject& patient, const std::string& answer,
             const std::string& bundle) {
  const Json json = Json::parse(bundle);
  call.hospital().live().write([&](Database& db) {
    Json names = Json::array();
    for (const Json& entry : json.at("entry")) {
      const Json& resource = entry.at("resource");
      FhirWrite write;
      const std::string text = resource.dump(), id = resource.at("id");
      write.json = text, write.id = id;
      // Also of a patient of the bulk store, who has no resource that a reference could find.
      const std::string type = resource.at("resourceType");
      if (type != "Device" && type != "DocumentReference") write.patient = patient.number;
      const auto written = call.hospital().arrive(db, write, call.now);
      if (written.changed) names.push_back(written.kept.type + "/" + written.kept.id);
    }
    note(db, call, "persist", {{"subject", patient.id}, {"id", answer}, {"resources", names}});
  });
}

Writing writing_of(const Call& call, const std::string& subject) {
  return {subject.empty() ? "Patient/at-hand" : "Patient/" + subject, call.service.public_url(),
          call.service.config().organisation, wants_chinese(call.request)};
}

Response foretold(Call& call, const TimelinesPtr& model, const Parameters& parameters,
                  const std::string& subject) {
  if (parameters.explain)
    throw HttpError{400,
                    "a model of timelines tells its reasons code by code: POST "
                    "/api/patients/ID/drivers",
                    "Parameters.parameter(explain)"};
  ComingAsk ask{model, subject, parameters.resources, parameters.as_of};
  if (parameters.years) ask.years = *parameters.years;
  const Coming coming = ask_coming(call, ask);
  const std::string bundle = coming_bundle(call, *model, coming, writing_of(call, subject));
  if (parameters.persist) persist(call, *coming.patient, coming.told.id, bundle);
  return {200, "application/fhir+json", bundle};
}

Response answered(Call& call, const Parameters& parameters, const std::string& subject) {
  if (const auto timelines = call.hospital().timelines(parameters.models.front()))
    return foretold(call, timelines, parameters, subject);
  if (parameters.years)
    throw HttpError{400, "years is for models of timelines; this one has its own horizon",
                    "Parameters.parameter(years)"};
  Ask wanted{parameters.models.front(), subject, parameters.resources, parameters.as_of, {}};
  if (parameters.explain) wanted.explain.method = "shap";
  const Got got = ask(call, wanted);
  const std::string bundle = prediction_bundle(*got.model, got.answered, writing_of(call, subject));
  if (parameters.persist) persist(call, *got.patient, got.answered.id, bundle);
  return {200, "application/fhir+json", bundle};
}

}  // namespace

Response predict_patient(Call& call) {
  const Parameters parameters = parameters_of(call.request);
  if (!parameters.resources.empty())
    throw HttpError{400, "data at hand goes to /fhir/$predict, without a patient in the address"};
  return answered(call, parameters, call.parts[0]);
}

Response predict_inline(Call& call) {
  const Parameters parameters = parameters_of(call.request);
  if (parameters.resources.empty())
    throw HttpError{400, "send the patient's data, or ask /fhir/Patient/ID/$predict",
                    "Parameters.parameter(data)"};
  if (parameters.persist)
    throw HttpError{400, "data at hand are of nobody whom the record knows: nothing is kept",
                    "Parameters.parameter(persist)"};
  return answered(call, parameters, "");
}

Response predict_group(Call& call) {
  const Parameters parameters = parameters_of(call.request);
  if (!parameters.resources.empty() || parameters.persist || parameters.years)
    throw HttpError{400, "for a Group $predict knows model, asOf and explain"};
  if (lower(call.request.header("prefer")).find("respond-async") == std::string::npos)
    throw HttpError{400, "send: Prefer: respond-async"};
  const Time as_of = moment_asked(call, parameters.as_of, "Parameters.parameter(asOf)");
  return accepted(call, "predict_group",
                  {{"model", call.hospital().answering_model(parameters.models.front())->id()},
                   {"group", call.parts[0]},
                   {"as_of", as_of.time_since_epoch().count()},
                   {"explain", parameters.explain},
                   {"base", call.service.public_url()},
                   {"organisation", call.service.config().organisation},
                   {"chinese", wants_chinese(call.request)}});
}

Response predict_definition(Call& call) {
  const auto in = [](const char* name, const char* type, int min, const char* says) {
    return Json{{"name", name}, {"use", "in"},           {"min", min},
                {"max", "1"},   {"documentation", says}, {"type", type}};
  };
  const Json definition{
      {"resourceType", "OperationDefinition"},
      {"id", "predict"},
      {"url", call.service.public_url() + "/fhir/OperationDefinition/predict"},
      {"name", "Predict"},
      {"status", "active"},
      {"kind", "operation"},
      {"affectsState", true},
      {"code", "predict"},
      {"resource", Json::array({"Patient", "Group"})},
      {"system", true},
      {"type", false},
      {"instance", true},
      {"parameter",
       Json::array(
           {in("model", "uri", 1, "name, or name@alias"),
            in("asOf", "instant", 0, "the moment of prediction; nothing known later is read"),
            in("data", "Bundle", 0, "the patient's data; nothing else is read or kept"),
            in("years", "decimal", 0,
               "how far a model of timelines looks; 10 where nothing is said"),
            in("explain", "boolean", 0, "with reasons; not of a model of timelines"),
            in("persist", "boolean", 0, "keeps the answer's resources in the record"),
            {{"name", "return"},
             {"use", "out"},
             {"min", 1},
             {"max", "1"},
             {"documentation",
              "RiskAssessment or Observation, Device and Provenance; or a "
              "GuidanceResponse that says what is missing"},
             {"type", "Bundle"}}})}};
  return {200, "application/fhir+json", definition.dump()};
}

}  // namespace cangong
