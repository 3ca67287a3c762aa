// One FHIR resource as it arrives at the live record: the same readers as of an export.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "timeline/live_record.h"

namespace cangong {

// The JSON of what a resource refers to ("Encounter/12"), if it is at hand.
using Resolve = std::function<std::optional<std::string>(const std::string& reference)>;

struct FhirRecord {
  Incoming incoming;         // without its patient
  std::string subject;       // "Patient/12", a full URL or "system|value"; empty: of nobody
  bool of_a_patient = true;  // such resources have to be
  std::vector<std::pair<std::string, std::string>> identifiers;  // of a Patient
  std::string left_out;                                          // why no event comes of it, if so
  std::vector<std::string> remarks;
};

// What is at hand of one patient, in resources and Bundles of them: nothing of it is kept.
struct FhirAtHand {
  std::vector<LiveEvent> events;      // each with its source, "Observation/12"
  std::vector<std::string> patients;  // ids of Patient resources
  std::string subject;                // whose they say they are: "Patient/12"; empty: nobody's
};
// References are sought among the resources at hand. What is of no kind that we read is left out.
// Throws Fault::input, saying nothing of the content, where a text is no resource, one cannot be
// understood, or they are of several patients.
FhirAtHand read_fhir_at_hand(const std::vector<std::string>& texts, Time now);
// "Bundle", "OperationOutcome"; empty where the text is no resource.
std::string fhir_type_of(std::string_view json);

struct FhirArrival {
  std::string_view json;
  std::string_view url;  // its fullUrl in a bundle
  Time now;              // known then where it says nothing else
};

// Throws Fault::input, saying what is wrong but nothing of the content, where the text is no
// resource of a kind that is kept, or one that cannot be understood.
FhirRecord read_fhir_record(const FhirArrival& arrival, const Resolve& resolve);

// A bundle taken apart: each entry's JSON, full URL and what is asked ("PUT", "Observation/12").
struct BundleEntry {
  std::string json, url, method, target, if_none_exist, if_match;
};
struct FhirBundle {
  std::string type;  // "transaction", "batch", "searchset", ...
  std::vector<BundleEntry> entries;
};
// Throws Fault::input where it is no bundle or has more than `most` entries.
FhirBundle take_bundle_apart(std::string_view json, std::size_t most);

// Whether resources of this type are kept.
bool is_fhir_type(std::string_view name);
std::vector<std::string> fhir_types();

// The URL of a code system by the name that our codes have ("LOINC"); nothing for others.
std::optional<std::string> fhir_system_url(std::string_view name);

// Letters, digits, "-" and ".", 64 at most (FHIR R4, id).
bool is_fhir_id(std::string_view id);

}  // namespace cangong
