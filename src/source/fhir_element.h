// Reading pieces of FHIR JSON. Included by the fhir_*.cpp files only.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>

#include "source/fhir.h"

namespace cangong::fhir {

using Element = simdjson::dom::element;

std::optional<Element> child(const Element& at, std::string_view key);
// Nothing where it is absent or null; throw FhirReject where it is of another type.
std::optional<std::string_view> text_of(const Element& at, std::string_view key);
std::optional<double> number_of(const Element& at, std::string_view key);

// Calls use(element) for each item of an array, or nothing where it is absent.
template <class Use>
void each(const Element& at, std::string_view key, const Use& use) {
  const auto found = child(at, key);
  if (!found) return;
  simdjson::dom::array items;
  if (found->get_array().get(items)) throw FhirReject{std::string(key) + " is not a list"};
  for (const Element item : items) use(item);
}
std::optional<Element> first(const Element& at, std::string_view key);
// The same for the codings of a CodeableConcept; of more than a thousand it is refused.
template <class Use>
void each_coding(const Element& concept_element, const Use& use) {
  std::size_t count = 0;
  each(concept_element, "coding", [&](const Element& item) {
    if (++count > 1000) throw FhirReject{"a concept of more than 1,000 codings"};
    use(item);
  });
}

// Of a Quantity: its UCUM code, else its text.
std::string_view unit_of(const Element& quantity);

// Throws FhirReject where the text is there and is no date or time.
std::optional<Moment> moment_of(const Element& at, std::string_view key, const Zone& zone);

// "LOINC//8867-4" of a Coding.
std::optional<Code> coding(const Element& at);
// Of a CodeableConcept: its first coding of a known system, else its first, else its text. The
// other codings are kept beside it.
std::optional<Code> concept_of(const Element& at, std::string_view key);
std::optional<Code> concept_of(const Element& concept_element);

// effectiveDateTime, effectivePeriod, effectiveInstant and their kin: "effective", "performed", ...
// First instant of the beginning, last instant of the end.
struct Span {
  std::optional<Time> begin, end;
};
// True where a coding of the concept has this code, whatever its system.
bool has_code(const Element& at, std::string_view key, std::string_view code);

Span span_of(const Element& at, std::string_view stem, const Zone& zone);

// Which of the kinds of a choice such as value[x] is there: "Quantity" and its element.
struct Choice {
  std::string_view kind;
  Element value;
};
std::optional<Choice> choice_of(const Element& at, std::string_view stem);

// Adds the event for the value[x] of an element, of any kind, or for its absence.
void add_value(FhirDraft& draft, const Element& at, const FhirTimes& times, const Code& code);

}  // namespace cangong::fhir
