#include "source/fhir_record.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/error.h"
#include "base/json_members.h"
#include "base/text.h"
#include "source/fhir_types.h"
#include "vocab/units.h"

namespace cangong {
namespace {

using fhir::Element;
using fhir::text_of;

Element parsed(simdjson::dom::parser& parser, std::string_view json) {
  Element root;
  if (const auto error = parser.parse(json.data(), json.size()).get(root))
    fail(Fault::input, std::string("not JSON: ") + simdjson::error_message(error));
  return root;
}

// The fields as they were written (a decimal keeps its digits), blanks between them taken out.
class Fields {
 public:
  explicit Fields(std::string_view json) {
    text_.resize(json.size() + simdjson::SIMDJSON_PADDING);
    std::size_t size = 0;
    if (simdjson::minify(json.data(), json.size(), text_.data(), size))
      fail(Fault::input, "not JSON");
    text_.resize(size);
    for (auto& [key, value] : json_members(text_)) {
      const bool plain = std::all_of(key.begin(), key.end(),
                                     [](unsigned char c) { return std::isalnum(c) || c == '_'; });
      if (!plain || find(key))
        fail(Fault::input, "a field's name stands twice, or is none of FHIR");
      all_.emplace_back(key, value);
    }
  }
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;
  const JsonMembers& all() const { return all_; }
  const std::string_view* find(std::string_view key) const { return find_member(all_, key); }

 private:
  std::string text_;
  JsonMembers all_;  // parts of it
};

std::string joined(const Fields& fields, std::initializer_list<std::string_view> without) {
  std::string text;
  for (const auto& [key, value] : fields.all()) {
    if (std::find(without.begin(), without.end(), key) != without.end()) continue;
    text += text.empty() ? "\"" : ",\"";
    text.append(key).append("\":").append(value);
  }
  return text;
}

void split_fields(std::string_view json, Incoming& incoming) {
  const Fields fields(json);
  incoming.rest = joined(fields, {"resourceType", "id", "meta"});
  const std::string_view* meta = fields.find("meta");
  if (meta && meta->starts_with('{'))
    incoming.meta = joined(Fields(*meta), {"versionId", "lastUpdated"});
}

// What a resource is found by.
struct SearchTerms {
  std::vector<Term> all;
  void add(const char* kind, std::string text) {
    constexpr std::size_t kMost = 5000;
    if (all.size() == kMost)
      fail(Fault::input, "a resource of more than 5,000 codes, identifiers and names");
    all.push_back({kind, std::move(text)});
  }
};

void add_codes(const Element& resource, std::string_view key, SearchTerms& terms) {
  const auto add = [&](const Element& at) {
    fhir::each_coding(at, [&](const Element& coding) {
      const auto code = text_of(coding, "code");
      if (!code) return;
      const auto system = text_of(coding, "system").value_or("");
      terms.add("code", std::string(*code));
      terms.add("code", std::string(system) + "|" + std::string(*code));
    });
  };
  const auto found = fhir::child(resource, key);
  if (!found) return;
  if (found->is_array())
    fhir::each(resource, key, add);
  else
    add(*found);
}

void add_names(const Element& patient, SearchTerms& terms) {
  fhir::each(patient, "name", [&](const Element& name) {
    for (const char* key : {"family", "text"})
      if (const auto text = text_of(name, key)) terms.add("name", lower(*text));
    // Both orders of the whole name, and without a blank as it is written in Chinese.
    const std::string family = lower(text_of(name, "family").value_or(""));
    std::string given_names;
    fhir::each(name, "given", [&](const Element& given) {
      std::string_view text;
      if (given.get(text)) return;
      terms.add("name", lower(text));
      given_names += (given_names.empty() ? "" : " ") + lower(text);
    });
    if (family.empty() || given_names.empty()) return;
    for (const std::string& whole :
         {family + " " + given_names, given_names + " " + family, family + given_names})
      terms.add("name", whole);
  });
}

std::vector<Term> terms_of(const Element& resource, std::string_view type) {
  SearchTerms terms;
  for (const char* key : {"code", "medicationCodeableConcept", "vaccineCode"})
    add_codes(resource, key, terms);
  if (type == "DocumentReference" || type == "Encounter") add_codes(resource, "type", terms);
  const auto identifiers = fhir::child(resource, "identifier");
  if (identifiers && identifiers->is_array())
    fhir::each(resource, "identifier", [&](const Element& item) {
      const auto value = text_of(item, "value");
      if (!value) return;
      const auto system = text_of(item, "system").value_or("");
      terms.add("identifier", std::string(*value));
      terms.add("identifier", std::string(system) + "|" + std::string(*value));
    });
  if (type == "Patient") add_names(resource, terms);
  return std::move(terms.all);
}

using ResolveElement = std::function<std::optional<Element>(const std::string& reference)>;

// Puts what the resource refers to where the readers look.
void index_references(const Element& resource, const ResolveElement& resolve, FhirIndex& index) {
  for (const char* key : {"encounter", "medicationReference"}) {
    const auto target = fhir::child(resource, key);
    const auto reference = target ? text_of(*target, "reference") : std::nullopt;
    if (!reference) continue;
    const std::string name(reference->substr(0, reference->find("/_history/")));
    try {
      if (const auto found = resolve(name)) fhir::index_target(*found, name, Zone(), index);
    } catch (const FhirReject&) {
      // What it refers to is damaged, not the resource.
    }
  }
}

LiveEvent live(const Fact& fact) {
  LiveEvent event;
  event.time = fact.time, event.occurred = fact.occurred;
  event.code = fact.code;
  if (fact.number) event.number = static_cast<float>(*fact.number);
  event.unit = canonical_unit(fact.unit), event.text = fact.text;
  event.description = fact.description;
  return event;
}

void read_facts(const Element& resource, const fhir::Type& type, FhirDraft& draft,
                FhirRecord& record) {
  try {
    fhir::skip_what_did_not_happen(resource, type);
    draft.begin(PatientId());
    type.read(resource, draft);
  } catch (const FhirSkip& skip) {
    record.left_out = skip.why;
    return;
  } catch (const FhirReject& reject) {
    fail(Fault::input, std::string(type.name) + ": " + reject.why);
  }
  constexpr std::size_t kMostEvents = 10'000;
  if (draft.facts().size() > kMostEvents)
    fail(Fault::input, std::string(type.name) + ": it tells of more than 10,000 events");
  for (const Fact& fact : draft.facts()) {
    if (const auto why = objection_to(fact))
      fail(Fault::input, std::string(type.name) + ": " + *why);
    record.incoming.events.push_back(live(fact));
    const auto when = fact.occurred ? fact.occurred : fact.time;
    if (when && !record.incoming.date) record.incoming.date = when;
  }
  record.remarks = draft.remarks();
}

// Kept, and no events come of them: what others refer to, and what was answered.
constexpr std::array kNoEvents{
    fhir::Type{"Medication", "", nullptr},
    fhir::Type{"Group", "", nullptr},
    fhir::Type{"Device", "", nullptr},
    fhir::Type{"Provenance", "", nullptr},
    fhir::Type{"RiskAssessment", "subject", nullptr},
    fhir::Type{"GuidanceResponse", "subject", nullptr},
};

const fhir::Type* kept_type(std::string_view name) {
  for (const fhir::Type& type : kNoEvents)
    if (type.name == name) return &type;
  return fhir::type_named(name);
}

}  // namespace

bool is_fhir_type(std::string_view name) {
  return kept_type(name) != nullptr;
}

std::vector<std::string> fhir_types() {
  auto names = fhir::type_names();
  for (const fhir::Type& type : kNoEvents) names.emplace_back(type.name);
  return names;
}

bool is_fhir_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '.';
  });
}

FhirRecord read_fhir_record(const FhirArrival& arrival, const Resolve& resolve) {
  simdjson::dom::parser parser;
  const Element resource = parsed(parser, arrival.json);
  FhirRecord record;
  try {
    const auto name = text_of(resource, "resourceType");
    if (!name) fail(Fault::input, "not a FHIR resource: no resourceType");
    const fhir::Type* type = kept_type(*name);
    if (!type)
      fail(Fault::input,
           "resources of this type are not kept; known are " + join(fhir_types(), ", "));
    record.incoming.type = type->name;
    record.incoming.id = text_of(resource, "id").value_or("");
    if (!record.incoming.id.empty() && !is_fhir_id(record.incoming.id))
      fail(Fault::input, "an id has letters, digits, \"-\" and \".\", 64 at most");
    split_fields(arrival.json, record.incoming);
    record.incoming.terms = terms_of(resource, type->name);
    std::string made;
    if (type->read || !type->subject.empty())
      record.subject = fhir::subject_of(resource, *type, arrival.url, made);
    record.of_a_patient = type->read || !type->subject.empty();
    if (!type->read) {
      const auto when = fhir::moment_of(resource, "occurrenceDateTime", Zone());
      if (when) record.incoming.date = when->last;
      return record;
    }
    if (type->subject.empty()) record.identifiers = fhir::identifiers_of(resource, arrival.url);
    FhirIndex index;
    simdjson::dom::parser others;
    index_references(
        resource,
        [&](const std::string& name) -> std::optional<Element> {
          const auto json = resolve(name);
          return json ? std::optional(parsed(others, *json)) : std::nullopt;
        },
        index);
    const Zone zone;
    FhirDraft draft(index, zone);
    draft.arrived(arrival.now);
    read_facts(resource, *type, draft, record);
  } catch (const FhirReject& reject) {
    fail(Fault::input, reject.why);
  }
  return record;
}

namespace {

// The resources of one text, and of the Bundles in it.
void collect(const Element& at, std::vector<Element>& all) {
  if (!at.is_object()) fail(Fault::input, "data at hand: a resource is no JSON object");
  if (text_of(at, "resourceType") != "Bundle") return all.push_back(at);
  fhir::each(at, "entry", [&](const Element& entry) {
    if (const auto resource = fhir::child(entry, "resource")) collect(*resource, all);
  });
}

std::string name_of(const Element& resource) {
  return std::string(text_of(resource, "resourceType").value_or("")) + "/" +
         std::string(text_of(resource, "id").value_or(""));
}

// "Patient/12" of a full URL too.
std::string_view patient_of(std::string_view subject) {
  const std::size_t at = subject.rfind("Patient/");
  return at == std::string_view::npos ? subject : subject.substr(at);
}

}  // namespace

namespace {

// Of a thread, for its next texts too; those of large texts are given back.
class Parsers {
 public:
  explicit Parsers(std::size_t count) {
    if (kept().size() < count) kept().resize(count);
  }
  Parsers(const Parsers&) = delete;
  Parsers& operator=(const Parsers&) = delete;
  ~Parsers() {
    constexpr std::size_t kMost = 8, kMostBytes = 1 << 17;  // a parser takes ten times as much
    if (kept().size() > kMost) kept().resize(kMost);
    for (auto& parser : kept())
      if (parser.capacity() > kMostBytes) parser = simdjson::dom::parser();
  }
  simdjson::dom::parser& operator[](std::size_t i) const { return kept()[i]; }

 private:
  static std::vector<simdjson::dom::parser>& kept() {
    thread_local std::vector<simdjson::dom::parser> all;
    return all;
  }
};

// Resources by "Encounter/12", sorted out when the first is sought: most data refer to none.
class ByName {
 public:
  explicit ByName(const std::vector<Element>& resources) : resources_(resources) {}
  std::optional<Element> operator()(const std::string& name) {
    if (!sorted_)
      for (const Element& resource : resources_) places_.emplace(name_of(resource), resource);
    sorted_ = true;
    const auto found = places_.find(name);
    return found == places_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  const std::vector<Element>& resources_;
  std::unordered_map<std::string, Element> places_;
  bool sorted_ = false;
};

}  // namespace

FhirAtHand read_fhir_at_hand(const std::vector<std::string>& texts, Time now) {
  const Parsers parsers(texts.size());
  std::vector<Element> resources;
  FhirAtHand at_hand;
  try {
    for (std::size_t i = 0; i < texts.size(); ++i) collect(parsed(parsers[i], texts[i]), resources);
    ByName by_name(resources);
    const ResolveElement resolve = std::ref(by_name);
    FhirIndex index;
    const Zone zone;
    FhirDraft draft(index, zone);
    draft.arrived(now);
    std::string& whose = at_hand.subject;
    for (const Element& resource : resources) {
      const fhir::Type* type = fhir::type_named(text_of(resource, "resourceType").value_or(""));
      if (!type) continue;  // practitioners, ...
      if (type->subject.empty())
        at_hand.patients.emplace_back(text_of(resource, "id").value_or(""));
      std::string made;
      const std::string subject(patient_of(fhir::subject_of(resource, *type, "", made)));
      if (!subject.empty() && !whose.empty() && subject != whose)
        fail(Fault::input, "data at hand of more than one patient; send those of one");
      if (!subject.empty()) whose = subject;
      index_references(resource, resolve, index);
      FhirRecord record;
      read_facts(resource, *type, draft, record);
      for (LiveEvent& event : record.incoming.events) {
        event.source = name_of(resource);
        at_hand.events.push_back(std::move(event));
      }
    }
  } catch (const FhirReject& reject) {
    fail(Fault::input, reject.why);
  }
  return at_hand;
}

std::string fhir_type_of(std::string_view json) {
  return json_text_of(json, "resourceType");
}

FhirBundle take_bundle_apart(std::string_view json, std::size_t most) {
  simdjson::dom::parser parser;
  const Element root = parsed(parser, json);
  FhirBundle bundle;
  try {
    if (text_of(root, "resourceType") != "Bundle") fail(Fault::input, "not a Bundle");
    bundle.type = text_of(root, "type").value_or("");
    fhir::each(root, "entry", [&](const Element& item) {
      BundleEntry entry;
      entry.url = text_of(item, "fullUrl").value_or("");
      if (const auto request = fhir::child(item, "request")) {
        entry.method = text_of(*request, "method").value_or("");
        entry.target = text_of(*request, "url").value_or("");
        entry.if_none_exist = text_of(*request, "ifNoneExist").value_or("");
        entry.if_match = text_of(*request, "ifMatch").value_or("");
      }
      bundle.entries.push_back(std::move(entry));
      if (bundle.entries.size() > most)
        fail(Fault::input,
             "a bundle of more than " + std::to_string(most) + " entries; send NDJSON to $import");
    });
  } catch (const FhirReject& reject) {
    fail(Fault::input, reject.why);
  }
  // Once more for the resources' own text.
  const Fields fields(json);
  const std::string_view* entries = fields.find("entry");
  if (!entries) return bundle;
  std::size_t i = 0;
  for (const std::string_view entry : json_items(*entries)) {
    const Fields parts(entry);
    if (const std::string_view* json = parts.find("resource")) bundle.entries[i].json = *json;
    ++i;
  }
  return bundle;
}

}  // namespace cangong
