#include "source/fhir_record.h"

#include <algorithm>

#include "base/error.h"
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
  explicit Fields(std::string_view json) : text_(json.size() + simdjson::SIMDJSON_PADDING, '\0') {
    std::size_t size = 0;
    if (simdjson::minify(json.data(), json.size(), text_.data(), size))
      fail(Fault::input, "not JSON");
    simdjson::ondemand::parser parser;
    simdjson::ondemand::document document;
    simdjson::ondemand::object object;
    if (parser.iterate(text_.data(), size, text_.size()).get(document) ||
        document.get_object().get(object))
      fail(Fault::input, "not a JSON object");
    for (auto field : object) {
      std::string_view key;
      simdjson::ondemand::value value;
      if (field.unescaped_key().get(key) || field.value().get(value))
        fail(Fault::input, "not JSON");
      const bool plain = std::all_of(key.begin(), key.end(),
                                     [](unsigned char c) { return std::isalnum(c) || c == '_'; });
      if (!plain || find(key))
        fail(Fault::input, "a field's name stands twice, or is none of FHIR");
      all_.emplace_back(std::string(key), raw(value));
    }
  }
  const std::vector<std::pair<std::string, std::string>>& all() const { return all_; }
  const std::string* find(std::string_view key) const {
    for (const auto& [name, value] : all_)
      if (name == key) return &value;
    return nullptr;
  }

 private:
  static std::string raw(simdjson::ondemand::value& value) {
    simdjson::ondemand::json_type type;
    if (value.type().get(type)) fail(Fault::input, "not JSON");
    std::string_view text;
    if (type == simdjson::ondemand::json_type::object) {
      simdjson::ondemand::object object;
      if (value.get_object().get(object) || object.raw_json().get(text))
        fail(Fault::input, "not JSON");
    } else if (type == simdjson::ondemand::json_type::array) {
      simdjson::ondemand::array array;
      if (value.get_array().get(array) || array.raw_json().get(text))
        fail(Fault::input, "not JSON");
    } else {
      text = value.raw_json_token();
    }
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return std::string(text);
  }

  std::string text_;
  std::vector<std::pair<std::string, std::string>> all_;
};

// The items of a JSON array, each as it was written.
std::vector<std::string> items_of(std::string json) {
  json.reserve(json.size() + simdjson::SIMDJSON_PADDING);
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  simdjson::ondemand::array array;
  if (parser.iterate(json.data(), json.size(), json.capacity()).get(document) ||
      document.get_array().get(array))
    fail(Fault::input, "entry is not a list");
  std::vector<std::string> items;
  for (auto item : array) {
    simdjson::ondemand::object object;
    std::string_view text;
    if (item.get_object().get(object) || object.raw_json().get(text))
      fail(Fault::input, "a bundle entry that is not an object");
    items.emplace_back(text);
  }
  return items;
}

std::string joined(const Fields& fields, std::initializer_list<std::string_view> without) {
  std::string text;
  for (const auto& [key, value] : fields.all()) {
    if (std::find(without.begin(), without.end(), key) != without.end()) continue;
    text += (text.empty() ? "\"" : ",\"") + key + "\":" + value;
  }
  return text;
}

void split_fields(std::string_view json, Incoming& incoming) {
  const Fields fields(json);
  incoming.rest = joined(fields, {"resourceType", "id", "meta"});
  const std::string* meta = fields.find("meta");
  if (meta && meta->starts_with('{'))
    incoming.meta = joined(Fields(*meta), {"versionId", "lastUpdated"});
}

void add_codes(const Element& resource, std::string_view key, std::vector<Term>& terms) {
  const auto add = [&](const Element& at) {
    fhir::each(at, "coding", [&](const Element& coding) {
      const auto code = text_of(coding, "code");
      if (!code) return;
      const auto system = text_of(coding, "system").value_or("");
      terms.push_back({"code", std::string(*code)});
      terms.push_back({"code", std::string(system) + "|" + std::string(*code)});
    });
  };
  const auto found = fhir::child(resource, key);
  if (!found) return;
  if (found->is_array())
    fhir::each(resource, key, add);
  else
    add(*found);
}

void add_names(const Element& patient, std::vector<Term>& terms) {
  fhir::each(patient, "name", [&](const Element& name) {
    for (const char* key : {"family", "text"})
      if (const auto text = text_of(name, key)) terms.push_back({"name", lower(*text)});
    fhir::each(name, "given", [&](const Element& given) {
      std::string_view text;
      if (!given.get(text)) terms.push_back({"name", lower(text)});
    });
  });
}

std::vector<Term> terms_of(const Element& resource, std::string_view type) {
  std::vector<Term> terms;
  for (const char* key : {"code", "medicationCodeableConcept", "vaccineCode"})
    add_codes(resource, key, terms);
  if (type == "DocumentReference" || type == "Encounter") add_codes(resource, "type", terms);
  const auto identifiers = fhir::child(resource, "identifier");
  if (identifiers && identifiers->is_array())
    fhir::each(resource, "identifier", [&](const Element& item) {
      const auto value = text_of(item, "value");
      if (!value) return;
      const auto system = text_of(item, "system").value_or("");
      terms.push_back({"identifier", std::string(*value)});
      terms.push_back({"identifier", std::string(system) + "|" + std::string(*value)});
    });
  if (type == "Patient") add_names(resource, terms);
  return terms;
}

// Puts what the resource refers to where the readers look.
void index_references(const Element& resource, const Resolve& resolve, FhirIndex& index) {
  for (const char* key : {"encounter", "medicationReference"}) {
    const auto target = fhir::child(resource, key);
    const auto reference = target ? text_of(*target, "reference") : std::nullopt;
    if (!reference) continue;
    const std::string name(reference->substr(0, reference->find("/_history/")));
    const auto json = resolve(name);
    if (!json) continue;
    simdjson::dom::parser parser;
    try {
      fhir::index_target(parsed(parser, *json), name, Zone(), index);
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
  for (const Fact& fact : draft.facts()) {
    if (const auto why = objection_to(fact))
      fail(Fault::input, std::string(type.name) + ": " + *why);
    record.incoming.events.push_back(live(fact));
    const auto when = fact.occurred ? fact.occurred : fact.time;
    if (when && !record.incoming.date) record.incoming.date = when;
  }
  record.remarks = draft.remarks();
}

constexpr fhir::Type kNoEvents{"Medication", "", nullptr};

const fhir::Type* kept_type(std::string_view name) {
  return name == kNoEvents.name ? &kNoEvents : fhir::type_named(name);
}

}  // namespace

bool is_fhir_type(std::string_view name) {
  return kept_type(name) != nullptr;
}

std::vector<std::string> fhir_types() {
  auto names = fhir::type_names();
  names.emplace_back(kNoEvents.name);
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
    if (type == &kNoEvents) return record;
    std::string made;
    record.subject = fhir::subject_of(resource, *type, arrival.url, made);
    if (type->subject.empty()) record.identifiers = fhir::identifiers_of(resource, arrival.url);
    FhirIndex index;
    index_references(resource, resolve, index);
    const Zone zone;
    FhirDraft draft(index, zone);
    draft.arrived(arrival.now);
    read_facts(resource, *type, draft, record);
  } catch (const FhirReject& reject) {
    fail(Fault::input, reject.why);
  }
  return record;
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
  const std::string* entries = fields.find("entry");
  if (!entries) return bundle;
  std::size_t i = 0;
  for (const std::string& entry : items_of(*entries)) {
    const Fields parts(entry);
    if (const std::string* resource = parts.find("resource")) bundle.entries[i].json = *resource;
    ++i;
  }
  return bundle;
}

}  // namespace cangong
