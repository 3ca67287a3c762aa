// FHIR R4 REST over the live record: read, write, versions, search.
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/new_id.h"
#include "base/pattern.h"
#include "base/text.h"
#include "serve/fhir_rest.h"
#include "serve/json.h"
#include "serve/prediction.h"

namespace cangong {
namespace {

using namespace rest;
constexpr std::size_t kMostOfPatient = 5000;  // resources of $everything

Response with_version(const Kept& kept, Response response) {
  response.headers.emplace_back("ETag", "W/\"" + std::to_string(kept.version) + "\"");
  return response;
}

// What every record of one resource says.
Json told(const Call& call, const Kept& kept) {
  Json json = Json::object();
  if (kept.patient) json["subject"] = call.hospital().fhir_id(*kept.patient);
  json["resource"] = reference(kept);
  json["version"] = kept.version;
  return json;
}

// A Group names patients whom not everybody may see.
void require_names_nobody(const Call& call) {
  if (call.parts[0] == "Group" && !call.sees_everybody())
    fail(Fault::denied, "a Group names patients; only who sees everybody may read it");
}

// The kept resource, if its patient may be seen; recorded.
Kept readable(Call& call, std::optional<Kept> kept) {
  if (!kept && !call.sees_everybody()) {  // recorded as the other is, and as slowly
    note(call, "denied", {{"unknown", call.parts[0] + "/" + call.parts[1]}});
    fail(Fault::denied, kNotYours);
  }
  if (!kept) throw HttpError{404, "no such resource"};
  require_names_nobody(call);
  if (kept->patient) call.require_patient(*kept->patient);
  if (kept->deleted) throw HttpError{410, "the resource was deleted; its history remains"};
  note(call, "read", told(call, *kept));
  return std::move(*kept);
}

Response written_response(const Call& call, const LiveRecord::Written& written) {
  Response response = fhir(written.kept.body, written.created ? 201 : 200);
  response.headers.emplace_back("Location", call.service.public_url() + "/fhir/" +
                                                reference(written.kept) + "/_history/" +
                                                std::to_string(written.kept.version));
  return with_version(written.kept, std::move(response));
}

// Before the write is kept: what cannot be recorded is not done.
void note_write(Database& database, Call& call, const LiveRecord::Written& written) {
  if (written.changed)
    note(database, call, written.created ? "create" : "update", told(call, written.kept));
}

// If-Match: W/"3", If-None-Match: *
void require_match(LiveRecord& live, const Call& call) {
  if (call.request.header("if-none-match") == "*") {
    const auto kept = live.read(call.parts[0], call.parts[1]);
    if (kept && !kept->deleted) throw HttpError{412, "the resource is there already"};
  }
  const std::string& match = call.request.header("if-match");
  if (match.empty()) return;
  const auto kept = live.read(call.parts[0], call.parts[1]);
  const std::string is = kept ? "W/\"" + std::to_string(kept->version) + "\"" : "";
  if (match != is) throw HttpError{412, "the resource has another version now; read it again"};
}

}  // namespace

Response fhir_create(Call& call) {
  require_type(call.parts[0]);
  const FhirWrite write{call.request.body, "", ""};
  LiveRecord::Written written;
  call.hospital().live().write([&](Database& database) {
    const std::string& exists = call.request.header("if-none-exist");
    if (!exists.empty()) {
      static const Pattern kIdentifier = Pattern::require("^identifier=([^&]+)$", "If-None-Exist");
      const auto wanted = kIdentifier.group_in(exists);
      const auto text = wanted ? decode_url(*wanted, ' ') : std::nullopt;
      if (!text) throw HttpError{400, "If-None-Exist: identifier=system|value is what it can ask"};
      LiveRecord live(database);
      Wanted same;
      same.type = call.parts[0], same.terms = {{"identifier", *text}}, same.most = 2;
      const auto found = live.search(same);
      if (found.size() > 1) throw HttpError{412, "several resources have this identifier"};
      if (!found.empty()) {
        written.kept = found[0], written.created = written.changed = false;
        note(database, call, "read", told(call, written.kept));
        return;
      }
    }
    written = call.hospital().arrive(database, write, call.now);
    if (written.kept.type != call.parts[0])
      throw HttpError{400, "the resource is of another type than the address"};
    note_write(database, call, written);
  });
  return written_response(call, written);
}

Response fhir_update(Call& call) {
  require_type(call.parts[0]);
  if (!is_fhir_id(call.parts[1]))
    throw HttpError{400, "an id has letters, digits, \"-\" and \".\", 64 at most"};
  const FhirWrite write{call.request.body, "", call.parts[1]};
  LiveRecord::Written written;
  call.hospital().live().write([&](Database& database) {
    LiveRecord live(database);
    require_match(live, call);
    written = call.hospital().arrive(database, write, call.now);
    if (written.kept.type != call.parts[0])
      throw HttpError{400, "the resource is of another type than the address"};
    note_write(database, call, written);
  });
  return written_response(call, written);
}

Response fhir_delete(Call& call) {
  require_type(call.parts[0]);
  std::optional<Kept> removed;
  call.hospital().live().write([&](Database& database) {
    LiveRecord live(database);
    require_match(live, call);
    removed = live.remove(call.parts[0], call.parts[1], call.now);
    if (removed) note(database, call, "delete", told(call, *removed));
  });
  return {204, "", ""};
}

Response fhir_read(Call& call) {
  require_type(call.parts[0]);
  std::optional<Kept> kept;
  call.hospital().live().read(
      [&](Database& database) { kept = LiveRecord(database).read(call.parts[0], call.parts[1]); });
  if (!kept) {
    const std::string own =
        model_resource(call.hospital(), call.parts[0], call.parts[1],
                       {"", call.service.public_url(), call.service.config().organisation, false});
    if (!own.empty()) {
      note(call, "read_model", {{"reference", call.parts[0] + "/" + call.parts[1]}});
      return fhir(own);
    }
  }
  const Kept found = readable(call, std::move(kept));
  if (call.request.header("if-none-match") == "W/\"" + std::to_string(found.version) + "\"")
    return with_version(found, {304, "", ""});
  return with_version(found, fhir(found.body));
}

Response fhir_version(Call& call) {
  require_type(call.parts[0]);
  const auto number = parse_integer(call.parts[2]);
  if (!number) throw HttpError{404, "no such version"};
  std::optional<Kept> kept;
  call.hospital().live().read([&](Database& database) {
    kept = LiveRecord(database).version(call.parts[0], call.parts[1], *number);
  });
  const Kept found = readable(call, std::move(kept));
  return with_version(found, fhir(found.body));
}

Response fhir_history(Call& call) {
  require_type(call.parts[0]);
  std::vector<Kept> all;
  call.hospital().live().read([&](Database& database) {
    all = LiveRecord(database).history(call.parts[0], call.parts[1]);
  });
  if (all.empty()) (void)readable(call, std::nullopt);
  require_names_nobody(call);
  // One that moved from another patient shows its time with them to nobody else.
  for (const Kept& kept : all)
    if (kept.patient) call.require_patient(*kept.patient);
  note(call, "read", told(call, all[0]));
  BundleText bundle("history", all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {  // newest first
    const Kept& kept = all[i];
    const bool created = !kept.deleted && (i + 1 == all.size() || all[i + 1].deleted);
    const bool named_here = kept.version == 1 && is_new_id(kept.id);
    const char* method = kept.deleted ? "DELETE" : named_here ? "POST" : "PUT";
    bundle.add(
        url_of(call, kept), kept.body,
        ",\"request\":" +
            Json{{"method", method}, {"url", named_here ? kept.type : reference(kept)}}.dump() +
            ",\"response\":" +
            Json{{"status", kept.deleted ? "204"
                            : created    ? "201"
                                         : "200"},
                 {"etag", "W/\"" + std::to_string(kept.version) + "\""},
                 {"lastModified", format_time(kept.updated)}}
                .dump());
  }
  return fhir(bundle.text());
}

namespace {

// "ge2020-01-01" narrows a span of time. `until` is not included.
void narrow(const std::string& name, const std::string& text, std::optional<Time>& from,
            std::optional<Time>& until) {
  std::string prefix = text.substr(0, 2);
  const bool has = prefix.size() == 2 && std::isalpha(static_cast<unsigned char>(prefix[0]));
  if (!has) prefix = "eq";
  const auto moment = parse_moment(has ? text.substr(2) : text, Zone());
  if (!moment) throw HttpError{400, name + " is a date or time, such as ge2020-01-31"};
  const Time after = moment->last + Duration(1);
  const auto raise = [&](Time time) { from = from ? std::max(*from, time) : time; };
  const auto lower_to = [&](Time time) { until = until ? std::min(*until, time) : time; };
  if (prefix == "eq")
    raise(moment->first), lower_to(after);
  else if (prefix == "ge")
    raise(moment->first);
  else if (prefix == "gt" || prefix == "sa")
    raise(after);
  else if (prefix == "le")
    lower_to(after);
  else if (prefix == "lt" || prefix == "eb")
    lower_to(moment->first);
  else
    throw HttpError{400, name + " knows eq, ge, gt, le, lt, sa and eb"};
}

std::size_t whole(const std::string& name, const std::string& text, std::int64_t least,
                  std::int64_t most) {
  const auto number = parse_integer(text);
  if (!number || *number < least || *number > most)
    throw HttpError{400, name + " is " + std::to_string(least) + " to " + std::to_string(most)};
  return static_cast<std::size_t>(*number);
}

Wanted::Order order_of(const std::string& text) {
  if (text == "-date") return Wanted::Order::newest_first;
  if (text == "date") return Wanted::Order::oldest_first;
  if (text == "-_lastUpdated") return Wanted::Order::last_updated_first;
  throw HttpError{400, "_sort is date, -date or -_lastUpdated"};
}

void take_parameter(Call& call, const std::string& name, const std::string& value, Wanted& wanted) {
  if (name == "patient" || name == "subject") {
    if (wanted.patient) throw HttpError{400, "search for one patient"};
    const std::size_t at = value.rfind("Patient/");
    wanted.patient = call.patient(at == std::string::npos ? value : value.substr(at + 8)).number;
  } else if (name == "_id") {
    for (const auto id : split(value, ',')) wanted.ids.emplace_back(id);
  } else if (name == "code" || name == "identifier" || name == "type") {
    wanted.terms.push_back({name == "identifier" ? name : "code", value});
  } else if (name == "name" || name == "family" || name == "given") {
    wanted.terms.push_back({"name", lower(value)});
  } else if (name == "date") {
    narrow(name, value, wanted.from, wanted.until);
  } else if (name == "_lastUpdated") {
    narrow(name, value, wanted.updated_from, wanted.updated_until);
  } else if (name == "_count") {
    wanted.most = whole(name, value, 0, 1000);
  } else if (name == "_offset") {
    wanted.skip = whole(name, value, 0, 10000000);
  } else if (name == "_sort") {
    wanted.order = order_of(value);
  } else if (name != "_format") {
    throw HttpError{400,
                    "search knows patient, code, identifier, name, date, _lastUpdated, _id, "
                    "_sort and _count"};
  }
}

constexpr std::size_t kMostParameters = 30;

}  // namespace

namespace {

Response searched(Call& call, const Pairs& parameters) {
  require_type(call.parts[0]);
  Wanted wanted;
  wanted.type = call.parts[0];
  if (parameters.size() > kMostParameters)
    throw HttpError{400, "a search has 30 parameters at most"};
  for (const auto& [name, value] : parameters) take_parameter(call, name, value, wanted);
  // Clinicians search within one patient, or among those whom they care for.
  if (!call.sees_everybody() && !wanted.patient) {
    if (wanted.type != "Patient") throw HttpError{403, "search within one patient: add patient=ID"};
    wanted.among = call.service.accounts().patients_of(call.account.name, call.now);
  }
  std::vector<Kept> found;
  std::uint64_t total = 0;
  call.hospital().live().read([&](Database& database) {
    LiveRecord live(database);
    if (wanted.most > 0) found = live.search(wanted);
    total = live.count(wanted);
  });
  const std::size_t returned = found.size();
  Json about{{"type", wanted.type}, {"found", found.size()}};
  if (wanted.patient) about["subject"] = call.hospital().fhir_id(*wanted.patient);
  std::set<std::string> subjects;
  for (const Kept& kept : found)
    if (!wanted.patient && kept.patient) subjects.insert(call.hospital().fhir_id(*kept.patient));
  if (!subjects.empty()) about["subjects"] = subjects;
  note(call, "search", about);
  BundleText bundle("searchset", total);
  std::string self = call.service.public_url() + "/fhir/" + wanted.type + "?", next = self;
  for (const auto& [name, value] : parameters) {
    const std::string one = encode_url(name) + "=" + encode_url(value) + "&";
    self += one;
    if (name != "_offset") next += one;
  }
  self.pop_back();  // "&" or "?"
  bundle.link("self", self);
  if (wanted.most > 0 && wanted.skip + returned < total)
    bundle.link("next", next + "_offset=" + std::to_string(wanted.skip + returned));
  for (const Kept& kept : found)
    bundle.add(url_of(call, kept), kept.body, ",\"search\":{\"mode\":\"match\"}");
  return fhir(bundle.text());
}

}  // namespace

Response fhir_search(Call& call) {
  return searched(call, call.request.query);
}

Response fhir_search_form(Call& call) {
  if (media_type(call.request, "content-type") != "application/x-www-form-urlencoded")
    throw HttpError{415, "send the parameters as application/x-www-form-urlencoded"};
  const auto form = decode_pairs(call.request.body);
  if (!form) throw HttpError{400, "the form is not well formed"};
  Pairs parameters = call.request.query;
  parameters.insert(parameters.end(), form->begin(), form->end());
  require_json_format(parameters);
  return searched(call, parameters);
}

Response fhir_everything(Call& call) {
  const Subject patient = call.patient(call.parts[0]);
  std::int64_t after = 0;
  if (const auto from = call.request.asked("_after"))
    after = static_cast<std::int64_t>(whole("_after", *from, 0, INT64_MAX));
  for (const auto& [name, value] : call.request.query)
    if (name != "_count" && name != "_after" && name != "_format")
      throw HttpError{400, "$everything knows _count alone; search by type for less"};
  std::size_t most = kMostOfPatient;
  if (const auto count = call.request.asked("_count"))
    most = whole("_count", *count, 1, kMostOfPatient);
  std::vector<Kept> found;
  call.hospital().live().read([&](Database& database) {
    found = LiveRecord(database).of_patient(patient.number, after, most + 1);
  });
  note(call, "read", Json{{"subject", patient.id}, {"found", found.size()}});
  BundleText bundle("searchset", std::nullopt);
  if (found.size() > most) {
    found.pop_back();
    bundle.link("next", call.service.public_url() + "/fhir/Patient/" + encode_url(call.parts[0]) +
                            "/$everything?_count=" + std::to_string(most) +
                            "&_after=" + std::to_string(found.back().number));
  }
  for (const Kept& kept : found) bundle.add(url_of(call, kept), kept.body);
  return fhir(bundle.text());
}

}  // namespace cangong
