#include "source/fhir_element.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "vocab/units.h"

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

// The code and its other codings, all with an ending.
Code extended(Code code, const std::string& ending, const std::string& meaning) {
  code.code += ending;
  if (!meaning.empty()) code.description += (code.description.empty() ? "" : ": ") + meaning;
  for (std::string& other : code.others) other += ending;
  return code;
}

void add_quantity(FhirDraft& draft, const Element& quantity, const FhirTimes& times,
                  const Code& code) {
  FhirDraft::Value value;
  value.number = number_of(quantity, "value");
  value.unit = unit_of(quantity);
  value.text = text_of(quantity, "comparator").value_or("");  // "<", ">=": the number is a bound
  if (!value.number && child(quantity, "extension"))          // it says why there is none
    return draft.add(times, "", extended(code, "//ABSENT", ""));
  if (!value.number) throw FhirReject{"a quantity without a number"};
  draft.add(times, "", code, value);
}

void add_ratio(FhirDraft& draft, const Element& ratio, const FhirTimes& times, const Code& code) {
  const auto above = child(ratio, "numerator"), below = child(ratio, "denominator");
  const auto a = above ? number_of(*above, "value") : std::nullopt;
  const auto b = below ? number_of(*below, "value") : std::nullopt;
  if (!a || !b || *b == 0) throw FhirReject{"a ratio without two numbers"};
  const std::string over(unit_of(*above)), under(unit_of(*below));
  std::string unit = over == under ? "1" : over.empty() ? "1" : over;
  if (over != under && !under.empty()) unit += "/" + under;
  draft.add(times, "", code, {*a / *b, draft.keep(canonical_unit(unit)), ""});
}

// A question and its coded answer as one code; with the other codings of either as others.
Code answered(const Code& question, const Code& answer) {
  Code code = extended(question, "//" + answer.code, answer.description);
  for (const auto& other : answer.others) code.others.push_back(question.code + "//" + other);
  return code;
}

void add_range(FhirDraft& draft, const Element& range, const FhirTimes& times, const Code& code) {
  for (const auto& [key, name] : {std::pair("low", "//LOW"), std::pair("high", "//HIGH")})
    if (const auto end = child(range, key))
      add_quantity(draft, *end, times, extended(code, name, ""));
}

// ISO 8601: "2020-02-01/2020-03-01"; the beginning alone where no end is known.
std::string_view period_text(const Element& period, FhirDraft& draft) {
  const auto start = text_of(period, "start").value_or("");
  const auto end = text_of(period, "end");
  return end ? draft.keep(std::string(start) + "/" + std::string(*end)) : start;
}

std::string_view text(const Element& value, std::string_view kind) {
  std::string_view text;
  if (value.get_string().get(text))
    throw FhirReject{"value" + std::string(kind) + " is not a text"};
  return text;
}

void add_choice(FhirDraft& draft, const Choice& choice, const FhirTimes& times, const Code& code) {
  const auto& [kind, value] = choice;
  if (kind == "Quantity") return add_quantity(draft, value, times, code);
  if (kind == "Range") return add_range(draft, value, times, code);
  if (kind == "Ratio") return add_ratio(draft, value, times, code);
  if (kind == "CodeableConcept" || kind == "Coding") {
    const auto answer = kind == "Coding" ? coding(value) : concept_of(value);
    if (answer) return draft.add(times, "", answered(code, *answer));
    return draft.add(times, "", code);
  }
  if (kind == "Integer" || kind == "Decimal") {
    double number = 0;
    if (value.get_double().get(number) || !std::isfinite(number))
      throw FhirReject{"value" + std::string(kind) + " is not a number"};
    return draft.add(times, "", code, {number, "", ""});
  }
  if (kind == "Boolean") {
    bool yes = false;
    if (value.get_bool().get(yes)) throw FhirReject{"valueBoolean is neither true nor false"};
    return draft.add(times, "", code, {yes ? 1.0 : 0.0, "", ""});
  }
  if (kind == "String" || kind == "DateTime" || kind == "Date" || kind == "Time")
    return draft.add(times, "", code, {std::nullopt, "", text(value, kind)});
  if (kind == "Period")
    return draft.add(times, "", code, {std::nullopt, "", period_text(value, draft)});
  if (kind == "SampledData")
    return draft.add(times, "", code, {std::nullopt, "", text_of(value, "data").value_or("")});
  draft.add(times, "", code);
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
              std::string(text_of(at, "display").value_or("")),
              {}};
}

std::optional<Code> concept_of(const Element& concept_element) {
  std::optional<Code> best;
  std::vector<std::string> others;
  bool known = false;
  each_coding(concept_element, [&](const Element& item) {
    auto code = coding(item);
    if (!code) return;
    if (best && (known || !is_known_system(item))) {
      if (code->code != best->code) others.push_back(std::move(code->code));
      return;
    }
    if (best) others.push_back(std::move(best->code));
    best = std::move(code), known = is_known_system(item);
  });
  if (best) best->others = std::move(others);
  // A text beside a code is one person's words of one patient: it describes the code for no other.
  const auto text = text_of(concept_element, "text");
  if (!best && text) return Code{"TEXT//" + std::string(*text), std::string(*text), {}};
  return best;
}

bool has_code(const Element& at, std::string_view key, std::string_view code) {
  bool found = false;
  if (const auto concept_element = child(at, key))
    each_coding(*concept_element,
                [&](const Element& item) { found |= text_of(item, "code") == code; });
  return found;
}

std::string_view unit_of(const Element& quantity) {
  const auto code = text_of(quantity, "code"), label = text_of(quantity, "unit");
  const auto system = text_of(quantity, "system");
  const bool ucum = !system || *system == "http://unitsofmeasure.org";
  return code && (ucum || !label) ? *code : label.value_or("");
}

std::optional<Code> concept_of(const Element& at, std::string_view key) {
  const auto found = child(at, key);
  return found ? concept_of(*found) : std::nullopt;
}

std::optional<Choice> choice_of(const Element& at, std::string_view stem) {
  simdjson::dom::object object;
  if (at.get_object().get(object)) return std::nullopt;
  for (const auto field : object) {
    if (!field.key.starts_with(stem) || field.value.is_null()) continue;
    return Choice{field.key.substr(stem.size()), field.value};
  }
  return std::nullopt;
}

namespace {

Moment moment_in(const Element& value, std::string_view stem, std::string_view kind,
                 const Zone& zone) {
  std::string_view text;
  const bool is_text = !value.get_string().get(text);
  const auto moment = is_text ? parse_moment(text, zone) : std::nullopt;
  if (moment) return *moment;
  throw FhirReject{std::string(stem) + std::string(kind) +
                   (is_text ? " is not a date or time" : " is not a text")};
}

// The first and the last of its events.
Span span_of_timing(const Element& timing, std::string_view stem, const Zone& zone) {
  Span span;
  each(timing, "event", [&](const Element& event) {
    const Moment moment = moment_in(event, stem, "Timing", zone);
    span.begin = span.begin ? std::min(*span.begin, moment.first) : moment.first;
    span.end = span.end ? std::max(*span.end, moment.last) : moment.last;
  });
  return span;
}

Span span_of_period(const Element& period, const Zone& zone) {
  const auto start = moment_of(period, "start", zone), end = moment_of(period, "end", zone);
  Span span;
  if (start) span.begin = start->first, span.end = start->last;
  if (end) span.end = end->last;
  return span;
}

}  // namespace

Span span_of(const Element& at, std::string_view stem, const Zone& zone) {
  const auto choice = choice_of(at, stem);
  if (!choice) return {};
  const auto& [kind, value] = *choice;
  if (kind == "DateTime" || kind == "Instant" || kind == "Date") {
    const Moment moment = moment_in(value, stem, kind, zone);
    return {moment.first, moment.last};
  }
  if (kind == "Period") return span_of_period(value, zone);
  if (kind == "Timing") return span_of_timing(value, stem, zone);
  return {};
}

void add_value(FhirDraft& draft, const Element& at, const FhirTimes& times, const Code& code) {
  const auto choice = choice_of(at, "value");
  if (choice) return add_choice(draft, *choice, times, code);
  if (const auto reason = concept_of(at, "dataAbsentReason"))
    return draft.add(times, "", extended(code, "//ABSENT", reason->description));
  draft.add(times, "", code);
}

}  // namespace cangong::fhir

namespace cangong {

std::optional<std::string> fhir_system_url(std::string_view name) {
  for (const auto& system : fhir::kSystems)
    if (system.name == name) return std::string(system.url);
  return std::nullopt;
}

}  // namespace cangong
