#include "source/fhir_element.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"

namespace cangong::fhir {
namespace {

struct System {
  std::string_view url, name;
};

constexpr std::array kSystems{
    System{"http://loinc.org", "LOINC"},
    System{"http://snomed.info/sct", "SNOMED"},
    System{"http://www.nlm.nih.gov/research/umls/rxnorm", "RXNORM"},
    System{"http://hl7.org/fhir/sid/cvx", "CVX"},
    System{"http://hl7.org/fhir/sid/icd-10-cm", "ICD10CM"},
    System{"http://hl7.org/fhir/sid/icd-10", "ICD10"},
    System{"http://hl7.org/fhir/sid/icd-9-cm", "ICD9CM"},
    System{"http://www.whocc.no/atc", "ATC"},
    System{"http://hl7.org/fhir/sid/ndc", "NDC"},
    System{"http://www.ama-assn.org/go/cpt", "CPT"},
    System{"urn:oid:2.16.840.1.113883.6.285", "HCPCS"},
    System{"http://human-phenotype-ontology.org", "HPO"},
    System{"http://www.genenames.org", "HGNC"},
};

// A known name, else the last part of the URL in capitals.
std::string system_name(std::string_view url) {
  for (const System& system : kSystems)
    if (system.url == url) return std::string(system.name);
  if (const std::size_t slash = url.find_last_of("/:"); slash != std::string_view::npos)
    url.remove_prefix(slash + 1);
  std::string name(url);
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name.empty() ? "LOCAL" : name;
}

bool is_known_system(const Element& at) {
  const auto url = text_of(at, "system");
  return url && std::any_of(kSystems.begin(), kSystems.end(),
                            [&](const System& system) { return system.url == *url; });
}

void add_quantity(FhirDraft& draft, const Element& quantity, const FhirTimes& times,
                  const Code& code) {
  FhirDraft::Value value;
  value.number = number_of(quantity, "value");
  const auto unit = text_of(quantity, "code"), label = text_of(quantity, "unit");
  value.unit = unit ? *unit : label.value_or("");
  value.text = text_of(quantity, "comparator").value_or("");  // "<", ">=": the number is a bound
  if (!value.number) throw FhirReject{"a quantity without a number"};
  draft.add(times, code.code, code.description, value);
}

void add_ratio(FhirDraft& draft, const Element& ratio, const FhirTimes& times, const Code& code) {
  const auto above = child(ratio, "numerator"), below = child(ratio, "denominator");
  const auto a = above ? number_of(*above, "value") : std::nullopt;
  const auto b = below ? number_of(*below, "value") : std::nullopt;
  if (!a || !b || *b == 0) throw FhirReject{"a ratio without two numbers"};
  draft.add(times, code.code, code.description, {*a / *b, "1", ""});
}

void add_range(FhirDraft& draft, const Element& range, const FhirTimes& times, const Code& code) {
  for (const auto& [key, name] : {std::pair("low", "//LOW"), std::pair("high", "//HIGH")})
    if (const auto end = child(range, key))
      add_quantity(draft, *end, times, {code.code + name, code.description});
}

}  // namespace

std::optional<Element> child(const Element& at, std::string_view key) {
  Element found;
  if (at.at_key(key).get(found)) return std::nullopt;
  return found;
}

std::optional<std::string_view> text_of(const Element& at, std::string_view key) {
  Element found;
  if (at.at_key(key).get(found) || found.is_null()) return std::nullopt;
  std::string_view text;
  if (found.get_string().get(text)) throw FhirReject{std::string(key) + " is not a text"};
  return text;
}

std::optional<double> number_of(const Element& at, std::string_view key) {
  Element found;
  if (at.at_key(key).get(found) || found.is_null()) return std::nullopt;
  double number = 0;
  if (found.get_double().get(number) || !std::isfinite(number))
    throw FhirReject{std::string(key) + " is not a number"};
  return number;
}

std::optional<Element> first(const Element& at, std::string_view key) {
  std::optional<Element> found;
  each(at, key, [&](const Element& item) {
    if (!found) found = item;
  });
  return found;
}

std::optional<Moment> moment_of(const Element& at, std::string_view key, const Zone& zone) {
  const auto text = text_of(at, key);
  if (!text) return std::nullopt;
  const auto moment = parse_moment(*text, zone);
  if (!moment) throw FhirReject{std::string(key) + " is not a date or time"};
  return moment;
}

std::optional<Code> coding(const Element& at) {
  const auto code = text_of(at, "code");
  if (!code || code->empty()) return std::nullopt;
  return Code{system_name(text_of(at, "system").value_or("")) + "//" + std::string(*code),
              std::string(text_of(at, "display").value_or(""))};
}

std::optional<Code> concept_of(const Element& concept_element) {
  std::optional<Code> best;
  bool known = false;
  each(concept_element, "coding", [&](const Element& item) {
    if (best && (known || !is_known_system(item))) return;
    if (auto code = coding(item)) best = std::move(code), known = is_known_system(item);
  });
  const auto text = text_of(concept_element, "text");
  if (!best && text) return Code{"TEXT//" + std::string(*text), std::string(*text)};
  if (best && best->description.empty() && text) best->description = *text;
  return best;
}

std::optional<Code> concept_of(const Element& at, std::string_view key) {
  const auto found = child(at, key);
  return found ? concept_of(*found) : std::nullopt;
}

Span span_of(const Element& at, const std::string& stem, const Zone& zone) {
  Span span;
  for (const char* kind : {"DateTime", "Instant", "Date"})
    if (const auto moment = moment_of(at, stem + kind, zone)) return {moment->first, moment->last};
  if (const auto period = child(at, stem + "Period")) {
    const auto start = moment_of(*period, "start", zone), end = moment_of(*period, "end", zone);
    if (start) span.begin = start->first;
    if (end)
      span.end = end->last;
    else if (start)
      span.end = start->last;
  }
  return span;
}

void add_value(FhirDraft& draft, const Element& at, const FhirTimes& times, const Code& code,
               const std::string& stem) {
  if (const auto quantity = child(at, stem + "Quantity"))
    return add_quantity(draft, *quantity, times, code);
  if (const auto answer = concept_of(at, stem + "CodeableConcept"))
    return draft.add(times, code.code + "//" + answer->code,
                     code.description + ": " + answer->description);
  if (const auto answer = child(at, stem + "Coding"))
    if (const auto found = coding(*answer))
      return draft.add(times, code.code + "//" + found->code,
                       code.description + ": " + found->description);
  for (const char* kind : {"Integer", "Decimal"})
    if (const auto number = number_of(at, stem + kind))
      return draft.add(times, code.code, code.description, {*number, "", ""});
  if (const auto answer = child(at, stem + "Boolean")) {
    bool yes = false;
    if (answer->get_bool().get(yes)) throw FhirReject{stem + "Boolean is neither true nor false"};
    return draft.add(times, code.code, code.description, {yes ? 1.0 : 0.0, "", ""});
  }
  for (const char* kind : {"String", "DateTime", "Date", "Time"})
    if (const auto text = text_of(at, stem + kind))
      return draft.add(times, code.code, code.description, {std::nullopt, "", *text});
  if (const auto range = child(at, stem + "Range")) return add_range(draft, *range, times, code);
  if (const auto ratio = child(at, stem + "Ratio")) return add_ratio(draft, *ratio, times, code);
  if (const auto period = child(at, stem + "Period"))
    return draft.add(times, code.code, code.description,
                     {std::nullopt, "", text_of(*period, "start").value_or("")});
  if (const auto data = child(at, stem + "SampledData"))
    return draft.add(times, code.code, code.description,
                     {std::nullopt, "", text_of(*data, "data").value_or("")});
  if (const auto reason = concept_of(at, "dataAbsentReason"))
    return draft.add(times, code.code + "//ABSENT", code.description + ": " + reason->description);
  draft.add(times, code.code, code.description);
}

}  // namespace cangong::fhir
