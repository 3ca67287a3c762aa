// An answer as FHIR R4 resources: RiskAssessment (or Observation), Device, Provenance; or a
// GuidanceResponse that says what is missing.
#pragma once

#include <string>

#include "engine/hospital.h"
#include "serve/service.h"

namespace cangong {

// The trail's word for who is asked about where the data came with the question.
inline constexpr const char* kAtHand = "(data at hand)";

// How an answer is written: whose, where its links lead, in which language.
struct Writing {
  std::string subject;  // "Patient/12"
  std::string base;     // public URL
  std::string organisation;
  bool chinese = false;
};

// A collection Bundle. Probabilities are per cent (R4 RiskAssessment.prediction.probability[x]),
// the confidence extension is 0 to 1 (HL7 AI Transparency on FHIR).
std::string prediction_bundle(const ServedModel& model, const Answered& answered,
                              const Writing& writing);

// What answers refer to and nobody has to keep: "Device/model-..." and its card, a
// DocumentReference (AI-ModelCard of HL7's AI Transparency on FHIR), of what is or was approved.
// Empty: none.
std::string model_resource(Hospital& hospital, std::string_view type, std::string_view id,
                           const Writing& writing);

// The answer in one sentence, 139 letters at most, for a card or a list.
Words headline(const ServedModel& model, const Prediction& prediction);
// "34.1 %", or a value with its unit.
std::string figure(const Prediction& prediction, double value);

// What a $predict or infer request asks for, done and recorded.
struct Ask {
  std::string model, subject;          // subject empty: data at hand
  std::vector<std::string> resources;  // or Bundles, as JSON
  std::optional<std::string> as_of;
  ExplainOptions explain;
  // Whom the caller says that the data at hand are of: for the trail, and a Patient among them is
  // no other.
  std::string about = {};
  // Resources that are looked at as if they were there already; such an answer is not counted.
  std::vector<std::string> orders = {};
};
struct Got {
  ModelPtr model;
  Answered answered;
  Hospital::Record record;
  std::optional<Subject> patient = {};  // none: data at hand
};
Got ask(Call& call, const Ask& ask);

// The moment of prediction; now where none is asked. Throws 400, naming the parameter, where the
// text is no moment, or one that lies in the future.
Time moment_asked(const Call& call, const std::optional<std::string>& text,
                  const std::string& parameter);

// The language that the caller prefers.
bool wants_chinese(const Request& request);

}  // namespace cangong
