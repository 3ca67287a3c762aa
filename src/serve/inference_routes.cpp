// Open Inference Protocol v2 (REST): one input "fhir", a Bundle or the id of a patient.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/json_members.h"
#include "serve/json.h"
#include "serve/prediction.h"

namespace cangong {
namespace {

constexpr std::array<std::string_view, 3> kOutputs{"value", "interval", "survival"};

ModelPtr model_of(const Call& call) {
  const ModelPtr model = call.hospital().answering_model(call.parts[0]);
  if (call.parts.size() > 1 && model->approval.bundle != call.parts[1])
    throw HttpError{404, "the model has another version"};
  return model;
}

Json tensor(const char* name, std::vector<double> data, std::vector<std::size_t> shape) {
  Json values = Json::array();
  for (const double value : data) values.push_back(number(value));
  return {{"name", name}, {"datatype", "FP64"}, {"shape", shape}, {"data", values}};
}

// The text of the one element of an input; elements may be nested.
std::string element_of(std::string_view data) {
  while (data.starts_with('[')) {
    const auto items = json_items(data);
    if (items.size() != 1) throw HttpError{400, "an input holds one text"};
    data = items.front();
  }
  if (!data.starts_with('"')) throw HttpError{400, "an input holds one text"};
  return json_string(data);
}

// A shape of one element: [1], [1, 1], [].
void require_one(std::string_view shape) {
  const Json given = Json::parse(shape);
  const bool one = given.is_array() && std::all_of(given.begin(), given.end(), [](const Json& n) {
                     return n.is_number_integer() && n == 1;
                   });
  if (!one) throw HttpError{400, "the shape of an input is [1]: it holds one text"};
}

// Names of outputs that were asked for; none: all.
std::vector<std::string> outputs_asked(const JsonMembers& body) {
  const std::string_view* given = find_member(body, "outputs");
  if (!given) return {};
  const Json list = Json::parse(*given);
  if (!list.is_array()) throw HttpError{400, "outputs is a list"};
  std::vector<std::string> names;
  for (const Json& one : list) {
    if (!one.is_object() || !one.contains("name") || !one["name"].is_string())
      throw HttpError{400, "an output has a name"};
    if (std::find(names.begin(), names.end(), one["name"]) != names.end())
      throw HttpError{400, "an output is named once"};
    names.push_back(one["name"]);
    if (std::find(kOutputs.begin(), kOutputs.end(), names.back()) == kOutputs.end())
      throw HttpError{400, "outputs are value, interval and survival"};
  }
  return names;
}

void take_input(std::string_view json, Ask& wanted) {
  const JsonMembers input = json_members(json);
  const auto text = [&](const char* key) {
    const std::string_view* value = find_member(input, key);
    return value && value->starts_with('"') ? json_string(*value) : std::string();
  };
  if (text("datatype") != "BYTES") throw HttpError{400, "inputs are BYTES"};
  if (const std::string_view* shape = find_member(input, "shape")) require_one(*shape);
  const std::string name = text("name");
  const std::string_view* data = find_member(input, "data");
  if (name != "patient" && name != "fhir") throw HttpError{400, "inputs are fhir or patient"};
  if (!data) throw HttpError{400, "an input has data"};
  if (name == "patient") {
    wanted.subject = element_of(*data);
    return;
  }
  std::string bundle = element_of(*data);
  require_shallow(bundle);
  if (fhir_type_of(bundle) != "Bundle") throw HttpError{400, "fhir is a Bundle, as text"};
  wanted.resources.push_back(std::move(bundle));
}

// `body`: its members; the inputs may be large and are not read twice.
Ask ask_of(const Call& call, const JsonMembers& body) {
  Ask wanted;
  wanted.model = call.parts[0];
  const std::string_view* inputs = find_member(body, "inputs");
  if (!inputs || !inputs->starts_with('[')) throw HttpError{400, "inputs is a list"};
  const auto items = json_items(*inputs);
  if (items.size() != 1) throw HttpError{400, "one input: fhir or patient"};
  take_input(items.front(), wanted);
  if (wanted.subject.empty() && wanted.resources.empty())
    throw HttpError{400, "the input is empty"};
  const std::string_view* given = find_member(body, "parameters");
  const Json parameters = given ? Json::parse(*given) : Json::object();
  if (parameters.contains("as_of")) wanted.as_of = parameters.at("as_of").get<std::string>();
  if (parameters.value("explain", false)) wanted.explain.method = "shap";
  return wanted;
}

// Those that were asked for. Throws where there is none of that name.
Json among(const Json& outputs, const std::vector<std::string>& asked) {
  Json some = Json::array();
  for (const std::string& name : asked) {
    const auto found = std::find_if(outputs.begin(), outputs.end(),
                                    [&](const Json& one) { return one["name"] == name; });
    if (found == outputs.end()) throw HttpError{400, "the model gives no output " + name};
    some.push_back(*found);
  }
  return some;
}

}  // namespace

Response inference_server(Call&) {
  return json_response({{"name", "cangong"}, {"version", "0.1.0"}, {"extensions", Json::array()}});
}

Response inference_health(Call& call) {
  const bool live = call.request.path.ends_with("live");
  const bool works = live || call.hospital().models()->problems.empty();
  return {works ? 200 : 503, "application/json",
          live    ? "{\"live\":true}"
          : works ? "{\"ready\":true}"
                  : "{\"ready\":false}"};
}

Response inference_model(Call& call) {
  const ModelPtr model = model_of(call);
  const auto bytes = [](const char* name) {
    return Json{{"name", name}, {"datatype", "BYTES"}, {"shape", {1}}};
  };
  const auto number = [](const char* name, std::vector<int> shape) {
    return Json{{"name", name}, {"datatype", "FP64"}, {"shape", shape}};
  };
  return json_response({{"name", model->id()},
                        {"versions", {model->approval.bundle}},
                        {"platform", "cangong"},
                        {"inputs", Json::array({bytes("fhir"), bytes("patient")})},
                        {"outputs", Json::array({number("value", {1}), number("interval", {1, 2}),
                                                 number("survival", {-1, 2})})}});
}

Response inference_ready(Call& call) {
  return json_response({{"name", model_of(call)->id()}, {"ready", true}});
}

Response inference_infer(Call& call) {
  (void)model_of(call);
  const JsonMembers body = json_members(call.request.body);
  const std::vector<std::string> asked = outputs_asked(body);
  const Got got = ask(call, ask_of(call, body));
  const auto* p = std::get_if<Prediction>(&got.answered.reply);
  if (!p) throw HttpError{422, "no answer: " + std::get<Abstention>(got.answered.reply).reason};
  Json outputs = Json::array(
      {tensor("value", {p->value}, {1}), tensor("interval", {p->low, p->high}, {1, 2})});
  if (!p->survival.empty()) {
    std::vector<double> flat;
    for (const auto& [day, free] : p->survival) flat.insert(flat.end(), {day, free});
    outputs.push_back(tensor("survival", flat, {p->survival.size(), 2}));
  }
  if (!asked.empty()) outputs = among(outputs, asked);
  Json parameters{{"calibrated", true},
                  {"device", "cpu"},
                  {"inference_id", got.answered.id},
                  {"synthetic", got.answered.synthetic}};
  if (!p->reasons.empty()) {
    Json reasons = Json::array();
    for (const Reason& reason : p->reasons)
      reasons.push_back({reason.feature, reason.contribution});
    parameters["base"] = p->base;
    parameters["reasons"] = reasons.dump();
  }
  Json answer{{"model_name", got.model->id()}, {"model_version", got.model->approval.bundle}};
  if (const std::string_view* id = find_member(body, "id")) answer["id"] = Json::parse(*id);
  answer["parameters"] = parameters;
  answer["outputs"] = outputs;
  return json_response(answer);
}

}  // namespace cangong
