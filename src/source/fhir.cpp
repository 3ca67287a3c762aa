#include "source/fhir.h"

#include <algorithm>
#include <unordered_set>

#include "base/error.h"
#include "base/progress.h"
#include "source/fhir_types.h"
#include "source/source.h"

namespace cangong {
namespace {

using fhir::Element;
using fhir::text_of;

constexpr std::size_t kLongestResource = 32u << 20;   // bytes
constexpr std::uint64_t kLargestBundle = 100u << 20;  // bytes; larger exports come as NDJSON

// Calls use(resource, where) or broken(where, why) for each resource of a file.
class FhirFile {
 public:
  explicit FhirFile(const fs::path& path) : path_(path), name_(path.string()) {}

  template <class Use, class Broken>
  void each(simdjson::dom::parser& parser, const Use& use, const Broken& broken) const {
    if (unpacked_name(path_).ends_with(".ndjson")) return each_line(parser, use, broken);
    std::string text;
    LineReader lines(path_, {kLargestBundle, kLargestBundle, 1000});
    while (const auto line = lines.next()) {
      text += line->text;
      text += '\n';
    }
    Element root;
    if (const auto error = parser.parse(text).get(root))
      return broken(Where{name_, 1}, not_json(error));
    each_resource(root, 1, true, use, broken);
  }

 private:
  static std::string not_json(simdjson::error_code error) {
    return std::string("not JSON: ") + simdjson::error_message(error);
  }

  // The resource itself, or those of a bundle; `numbered`: entries are counted as lines.
  template <class Use, class Broken>
  void each_resource(const Element& root, std::uint64_t line, bool numbered, const Use& use,
                     const Broken& broken) const {
    std::string_view type;
    if (root.at_key("resourceType").get(type) || type != "Bundle")
      return use(root, std::string(), Where{name_, line});
    Element entries;
    if (!root.at_key("entry").get(entries) && !entries.is_array())
      return broken(Where{name_, line}, "the bundle's entry is not a list");
    std::uint64_t entry = 0;
    fhir::each(root, "entry", [&](const Element& item) {
      const Where where{name_, numbered ? ++entry : line};
      const auto resource = fhir::child(item, "resource");
      if (!resource) return broken(where, "a bundle entry without a resource");
      std::string_view url;
      if (item.at_key("fullUrl").get(url)) url = {};
      use(*resource, std::string(url), where);
    });
  }

  template <class Use, class Broken>
  void each_line(simdjson::dom::parser& parser, const Use& use, const Broken& broken) const {
    LineReader lines(path_, {kLongestResource, 1ull << 40, 1000});
    while (const auto line = lines.next()) {
      const Where where{name_, line->number};
      if (line->too_long) {
        broken(where, "the line is longer than 32 MB");
        continue;
      }
      if (line->text.find_first_not_of(" \t") == std::string_view::npos) continue;
      Element resource;
      // The reader leaves room behind the line, so that the parser need not copy it.
      static_assert(kReadableBeyond >= simdjson::SIMDJSON_PADDING);
      if (const auto error =
              parser.parse(line->text.data(), line->text.size(), false).get(resource)) {
        broken(where, line->ended ? not_json(error) : "the file is cut off in this line");
        continue;
      }
      each_resource(resource, line->number, false, use, broken);
      if (line->number % 4096 == 0) stop_if_interrupted();
    }
  }

  fs::path path_;
  std::string name_;
};

class FhirImport {
 public:
  FhirImport(const SourceOptions& options, Sink& sink)
      : zone_(options.zone), sink_(sink), draft_(index_, zone_) {
    for (const auto& file : files_below(options.path)) {
      const std::string name = unpacked_name(file);
      if (name.ends_with(".ndjson") || name.ends_with(".json"))
        files_.push_back(file);
      else
        sink.pass_over(file);
    }
    if (files_.empty())
      fail(Fault::input, "no .ndjson or .json file below " + options.path.string());
  }

  void run() {
    sink_.trust_texts();  // simdjson has validated each resource
    for (const auto& file : files_)
      if (may_hold_targets(file))
        FhirFile(file).each(
            parser_,
            [&](const Element& resource, const std::string& url, const Where&) {
              index(resource, url);
            },
            [](const Where&, const std::string&) {});
    std::uint64_t bytes = 0, done = 0;
    for (const auto& file : files_) bytes += fs::file_size(file);
    Progress progress("importing", bytes);
    for (std::size_t i = 0; i < files_.size(); ++i) {
      FhirFile(files_[i]).each(
          parser_,
          [&](const Element& resource, const std::string& url, const Where& where) {
            take(resource, url, where);
          },
          [&](const Where& where, const std::string& why) { sink_.reject(where, why); });
      done += fs::file_size(files_[i]);
      progress.at(done);
    }
  }

 private:
  // A bulk export names its files by resource type; others are read twice.
  static bool may_hold_targets(const fs::path& file) {
    const std::string name = unpacked_name(file);
    const std::string type = name.substr(0, name.find_first_of(".-_"));
    const bool target = type == "Patient" || type == "Encounter" || type == "Medication";
    static const std::unordered_set<std::string> kOthers{"AllergyIntolerance",
                                                         "CarePlan",
                                                         "CareTeam",
                                                         "Claim",
                                                         "Condition",
                                                         "Device",
                                                         "DiagnosticReport",
                                                         "DocumentReference",
                                                         "ExplanationOfBenefit",
                                                         "FamilyMemberHistory",
                                                         "ImagingStudy",
                                                         "Immunization",
                                                         "Location",
                                                         "MedicationAdministration",
                                                         "MedicationRequest",
                                                         "MedicationStatement",
                                                         "Observation",
                                                         "Organization",
                                                         "Practitioner",
                                                         "PractitionerRole",
                                                         "Procedure",
                                                         "Provenance",
                                                         "QuestionnaireResponse",
                                                         "SupplyDelivery"};
    return target || !name.ends_with(".ndjson") || !kOthers.contains(type);
  }

  void index(const Element& resource, const std::string& url) {
    try {
      if (text_of(resource, "resourceType") == "Patient")
        index_patient(resource, url);
      else
        fhir::index_target(resource, url, zone_, index_);
    } catch (const FhirReject&) {
      // The second pass rejects the resource with its place.
    }
  }

  // A patient whose identifier is known already, from here or another source, keeps its number.
  void index_patient(const Element& resource, const std::string& url) {
    const auto identifiers = fhir::identifiers_of(resource, url);
    if (identifiers.empty()) return;
    if (fhir::is_test_patient(resource)) sink_.writer().mark_synthetic();
    const PatientId patient = sink_.patient_of(identifiers);
    if (const auto id = text_of(resource, "id"))
      index_.patients.emplace("Patient/" + std::string(*id), patient);
    if (!url.empty()) index_.patients.emplace(url, patient);
    for (const auto& [system, value] : std::span(identifiers).subspan(1))
      index_.patients.emplace(system + "|" + value, patient);
  }

  std::optional<PatientId> patient_of(const Element& resource, const fhir::Type& type,
                                      const std::string& url) const {
    std::string made;
    const std::string_view reference = fhir::subject_of(resource, type, url, made);
    auto found = index_.patients.find(reference);
    if (found == index_.patients.end())
      if (const std::size_t at = reference.rfind("Patient/");
          at != std::string_view::npos && at > 0)
        found = index_.patients.find(reference.substr(at));  // an absolute URL
    if (found == index_.patients.end()) return std::nullopt;
    return found->second;
  }

  // Of a resource's type and id; 0 without an id.
  static std::size_t key_of(std::string_view type, std::string_view id) {
    if (id.empty()) return 0;
    return std::hash<std::string_view>()(type) * 0x9e3779b97f4a7c15 ^
           std::hash<std::string_view>()(id);
  }

  void take(const Element& resource, const std::string& url, const Where& where) {
    std::string_view name;
    try {
      name = text_of(resource, "resourceType").value_or("");
      if (name.empty()) return sink_.reject(where, "not a FHIR resource: no resourceType");
      if (!type_ || type_->name != name) type_ = fhir::type_named(name);  // mostly as the last one
      const fhir::Type* type = type_;
      if (!type) return sink_.skip(skipped(std::string(name)));
      fhir::skip_what_did_not_happen(resource, *type);
      const std::size_t key = key_of(name, text_of(resource, "id").value_or(""));
      seen_.expect(key);
      const auto patient = patient_of(resource, *type, url);
      if (seen_.find(key)) return sink_.reject(where, "same type and id as an earlier resource");
      if (!patient) return sink_.reject(where, "refers to a patient that is not in the export");
      draft_.begin(*patient);
      type->read(resource, draft_);
      if (sink_.accept(where, draft_.facts())) seen_.insert(key, {});
      for (const auto& remark : draft_.remarks()) sink_.remark(remark);
    } catch (const FhirReject& reject) {
      const bool known = fhir::type_named(name) != nullptr;
      sink_.reject(where, (known ? std::string(name) + ": " : "") + reject.why);
    } catch (const FhirSkip& skip) {
      sink_.skip(skip.why);
    }
  }

  // A type's name is told only if it looks like one: it is the file's text.
  static std::string skipped(const std::string& name) {
    const bool plain = name.size() <= 40 && std::all_of(name.begin(), name.end(), [](char c) {
                         return std::isalpha(static_cast<unsigned char>(c));
                       });
    return "resources of " + (plain ? "type " + name : std::string("an unknown type")) +
           " are not imported";
  }

  Zone zone_;
  Sink& sink_;
  FhirIndex index_;
  FhirDraft draft_;
  const fhir::Type* type_ = nullptr;
  std::vector<fs::path> files_;
  simdjson::dom::parser parser_;
  struct Nothing {};
  FlatMap<Nothing> seen_;
};

}  // namespace

void read_fhir(const SourceOptions& options, Sink& sink) {
  FhirImport(options, sink).run();
}

}  // namespace cangong
