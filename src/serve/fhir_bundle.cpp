// FHIR transactions and batches.
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "base/new_id.h"
#include "serve/fhir_rest.h"
#include "serve/json.h"

namespace cangong {
namespace {

using namespace rest;

constexpr std::size_t kMostEntries = 10000;

struct EntryResult {
  LiveRecord::Written written;
  bool removed = false;
};

// Each POST gets its id now, and references by fullUrl ("urn:uuid:...") become those of the
// resources that will be.
void name_entries(std::vector<BundleEntry>& entries, Time now) {
  std::unordered_map<std::string, std::string> names;  // by fullUrl
  std::unordered_set<std::string> targets;
  for (BundleEntry& entry : entries) {
    if (!entry.if_none_exist.empty())
      throw HttpError{400, "ifNoneExist inside a bundle is not known; create such resources alone"};
    if (entry.method == "POST" && entry.target.find('/') == std::string::npos) {
      entry.target += "/" + new_id(now);
      entry.method = "PUT";
    }
    if (!targets.insert(entry.target).second)
      throw HttpError{400, "two entries of the bundle are about the same resource"};
    if (entry.url.starts_with("urn:")) names[entry.url] = entry.target;
  }
  for (BundleEntry& entry : entries) {
    std::string text;
    std::size_t from = 0;
    for (std::size_t at; (at = entry.json.find("\"urn:", from)) != std::string::npos;) {
      const std::size_t end = entry.json.find('"', at + 1);
      if (end == std::string::npos) break;
      const auto name = names.find(entry.json.substr(at + 1, end - at - 1));
      text += entry.json.substr(from, at + 1 - from);
      text += name == names.end() ? entry.json.substr(at + 1, end - at - 1) : name->second;
      from = end;
    }
    entry.json = text + entry.json.substr(from);
  }
}

// The order in which entries are written: those that others refer to come first (Patient, then
// Encounter and Medication).
int rank(const BundleEntry& entry) {
  const std::string type = entry.target.substr(0, entry.target.find('/'));
  if (type == "Patient") return 0;
  return type == "Encounter" || type == "Medication" ? 1 : 2;
}

EntryResult write_entry(Call& call, Database& database, const BundleEntry& entry) {
  const std::size_t slash = entry.target.find('/');
  const std::string type = entry.target.substr(0, slash);
  const std::string id = slash == std::string::npos ? "" : entry.target.substr(slash + 1);
  require_type(type);
  if (!entry.if_match.empty()) {
    const auto kept = LiveRecord(database).read(type, id);
    if (!kept || entry.if_match != "W/\"" + std::to_string(kept->version) + "\"")
      throw HttpError{412, "the resource has another version than ifMatch says"};
  }
  if (entry.method == "DELETE" && !id.empty()) {
    EntryResult result;
    result.removed = true;
    if (auto kept = LiveRecord(database).remove(type, id, call.now)) result.written.kept = *kept;
    return result;
  }
  if (entry.method != "PUT" || !is_fhir_id(id))
    throw HttpError{400, "an entry's request is POST Type, PUT Type/id or DELETE Type/id"};
  EntryResult result{call.hospital().arrive(database, {entry.json, entry.url, id}, call.now)};
  if (result.written.kept.type != type)
    throw HttpError{400, "an entry's resource is of another type than its request"};
  return result;
}

std::string entry_response(const EntryResult& result) {
  const Kept& kept = result.written.kept;
  if (result.removed) return "\"response\":{\"status\":\"204\"}";
  return "\"response\":" +
         Json{{"status", result.written.created ? "201" : "200"},
              {"location", reference(kept) + "/_history/" + std::to_string(kept.version)},
              {"etag", "W/\"" + std::to_string(kept.version) + "\""},
              {"lastModified", format_time(kept.updated)}}
             .dump();
}

// One record for each patient, before the writes are kept: what cannot be recorded is not done.
void note_results(Database& database, Call& call, const std::string& what,
                  const std::vector<EntryResult>& results) {
  constexpr std::size_t kMostOfRecord = 1000;
  std::map<std::string, std::vector<std::string>> by_patient;
  for (const EntryResult& result : results) {
    const Kept& kept = result.written.kept;
    if (kept.type.empty() || !result.written.changed) continue;
    const std::string patient = kept.patient ? call.hospital().fhir_id(*kept.patient) : "";
    by_patient[patient].push_back((result.removed ? "-" : "") + reference(kept) + "/" +
                                  std::to_string(kept.version));
  }
  for (const auto& [patient, names] : by_patient)
    for (std::size_t from = 0; from < names.size(); from += kMostOfRecord) {
      const auto first = names.begin() + static_cast<std::ptrdiff_t>(from);
      const auto last =
          names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), from + kMostOfRecord));
      Json record = Json::object();
      if (!patient.empty()) record["subject"] = patient;
      record["resources"] = std::vector<std::string>(first, last);
      note(database, call, what, record);
    }
}

std::vector<EntryResult> write_transaction(Call& call, FhirBundle& bundle,
                                           const std::vector<std::size_t>& order) {
  std::vector<EntryResult> results(bundle.entries.size());
  call.hospital().live().write([&](Database& database) {
    for (const std::size_t i : order) {
      try {
        results[i] = write_entry(call, database, bundle.entries[i]);
      } catch (const Error& error) {
        if (error.fault == Fault::storage) throw;
        throw HttpError{400, std::string(error.what()) + "; nothing of the bundle was kept",
                        "Bundle.entry[" + std::to_string(i) + "]"};
      } catch (const HttpError& error) {
        throw HttpError{error.status, error.message + "; nothing of the bundle was kept",
                        "Bundle.entry[" + std::to_string(i) + "]"};
      }
    }
    note_results(database, call, "transaction", results);
  });
  return results;
}

}  // namespace

Response fhir_bundle(Call& call) {
  FhirBundle bundle = take_bundle_apart(call.request.body, kMostEntries);
  if (bundle.type != "transaction" && bundle.type != "batch")
    throw HttpError{400, "the bundle is a transaction or a batch"};
  name_entries(bundle.entries, call.now);
  std::vector<std::size_t> order(bundle.entries.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return rank(bundle.entries[a]) < rank(bundle.entries[b]);
  });
  BundleText answer(bundle.type + "-response", std::nullopt);
  if (bundle.type == "transaction") {
    const auto results = write_transaction(call, bundle, order);
    for (const EntryResult& result : results) answer.add_response(entry_response(result));
  } else {
    for (const BundleEntry& entry : bundle.entries) {
      EntryResult result;
      try {
        call.hospital().live().write([&](Database& database) {
          result = write_entry(call, database, entry);
          note_results(database, call, "batch", {result});
        });
        answer.add_response(entry_response(result));
      } catch (const HttpError& error) {
        const Response failed = error_response("/fhir", error, "");
        answer.add_response("\"response\":{\"status\":\"" + std::to_string(error.status) +
                            "\",\"outcome\":" + failed.body + "}");
      } catch (const Error& error) {
        if (error.fault == Fault::storage) throw;
        const Response failed = error_response("/fhir", {400, error.what()}, "");
        answer.add_response("\"response\":{\"status\":\"400\",\"outcome\":" + failed.body + "}");
      }
    }
  }
  return fhir(answer.text());
}

}  // namespace cangong
