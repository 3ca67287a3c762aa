// What the FHIR R4 resources of any answer share: who answered, when, that a machine did.
#pragma once

#include <string>

#include "registry/approval.h"
#include "serve/json.h"
#include "serve/prediction.h"

namespace cangong {

// HL7 AI Transparency on FHIR.
inline constexpr const char* kAiTransparency = "http://hl7.org/fhir/uv/aitransparency";

struct AnswerStamp {
  const Approval& approval;  // of the model
  std::string id;            // of the answer
  Time as_of, at;
  bool synthetic = false;
};

enum class Standing { served, superseded };

// Of a bundle under a name: ids of its Device and of its card, a DocumentReference.
std::string device_id(const Approval& approval);
std::string card_id(const Approval& approval);
Json device(const Approval& approval, Standing standing, const Writing& writing);

// With id, AI label, identifier, and a note where somebody does not exist.
Json answer_resource(const char* type, const AnswerStamp& stamp, const Writing& writing);
Json method_of(const Approval& approval, const Writing& writing);
// {"system", "code"} of "LOINC//2160-0"; the code alone where its system is none of FHIR's.
Json coding_json(const std::string& code);
double per_cent(double probability);
Json days(double n);
// The extension AIconfidence, 0 to 1.
Json confidence(double low, double high);

// A collection of the answer, its Device and its Provenance; the text of it.
std::string answer_bundle(Json answer, const AnswerStamp& stamp, const Writing& writing);

}  // namespace cangong
