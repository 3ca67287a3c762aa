// FHIR Bulk Data 2.0 ($export), $import of NDJSON and $predict for a Group: long work that a client
// asks for, watches at one address, and fetches as files.
#include <array>
#include <ctime>

#include "base/error.h"
#include "base/pattern.h"
#include "base/text.h"
#include "serve/bulk.h"
#include "serve/fhir_rest.h"
#include "serve/job_kinds.h"

namespace cangong {
namespace {

constexpr const char* kNdjson = "application/fhir+ndjson";

std::string status_url(const Call& call, const std::string& job) {
  return call.service.public_url() + "/fhir/$job/" + job;
}

void require_async(const Call& call) {
  if (lower(call.request.header("prefer")).find("respond-async") == std::string::npos)
    throw HttpError{400, "send: Prefer: respond-async"};
}

// GET parameters, or those of a POSTed Parameters resource.
Pairs export_parameters(const Call& call) {
  Pairs all = call.request.query;
  if (call.request.method != "POST" || call.request.body.empty()) return all;
  const Json body = Json::parse(call.request.body, nullptr, false);
  if (!body.is_object() || body.value("resourceType", "") != "Parameters")
    throw HttpError{400, "the body is a Parameters resource"};
  for (const Json& one : body.value("parameter", Json::array()))
    for (const char* key : {"valueString", "valueInstant", "valueUri", "valueCode"})
      if (one.contains(key)) all.emplace_back(one.value("name", ""), one[key].get<std::string>());
  return all;
}

Response export_with(Call& call, Json request) {
  require_async(call);
  request["types"] = Json::array();
  for (const auto& [name, value] : export_parameters(call)) {
    if (name == "_type") {
      for (const auto type : split(value, ',')) request["types"].push_back(std::string(type));
    } else if (name == "_since") {
      request["since"] = value;
    } else if (name == "_outputFormat") {
      if (value != kNdjson && value != "application/ndjson" && value != "ndjson")
        throw HttpError{400, "_outputFormat is application/fhir+ndjson"};
    } else {
      throw HttpError{400, "$export knows _type, _since and _outputFormat"};
    }
  }
  return accepted(call, "export", request);
}

Job job_at(Call& call) {
  const auto job = call.service.jobs().find(call.parts[0]);
  // Who did not begin it learns nothing of it.
  if (!job || job->by != call.account.name) throw HttpError{404, "no such job of yours"};
  return *job;
}

Json with_urls(const Call& call, const std::string& job, const Json& files) {
  Json all = Json::array();
  for (const Json& file : files)
    all.push_back({{"type", file["type"]},
                   {"url", status_url(call, job) + "/" + file["file"].get<std::string>()},
                   {"count", file["count"]}});
  return all;
}

Json manifest(const Call& call, const Job& job, const Json& result) {
  Json json{{"transactionTime", result["at"]},
            {"request", Json::parse(job.request).value("url", "")},
            {"requiresAccessToken", true}};
  for (const char* part : {"output", "deleted", "error"})
    json[part] = with_urls(call, job.id, result[part]);
  for (const char* count : {"created", "updated", "unchanged", "rejected", "answers"})
    if (result.contains(count)) json["extension"][count] = result[count];
  return json;
}

}  // namespace

std::string http_date(Time time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(time));
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 40> text{};
  std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text.data();
}

Response accepted(Call& call, const std::string& kind, Json request,
                  std::function<void(const fs::path&)> prepare) {
  request["url"] = call.service.public_url() + call.request.target;
  const Job job =
      call.service.jobs().start({kind, text_of(request), std::move(prepare)}, call.asker);
  Response response = rest::fhir("", 202);
  response.type.clear();
  response.headers.emplace_back("Content-Location", status_url(call, job.id));
  return response;
}

Response bulk_export(Call& call) {
  return export_with(call, Json::object());
}

Response bulk_export_patients(Call& call) {
  return export_with(call, {{"patients", true}});
}

Response bulk_export_group(Call& call) {
  return export_with(call, {{"group", call.parts[0]}});
}

Response bulk_import(Call& call) {
  const std::string& body = call.request.body;
  if (body.find_first_not_of(" \r\n\t") == std::string::npos)
    throw HttpError{400, "the body is NDJSON: one resource in each line"};
  return accepted(call, "load", Json::object(),
                  [&](const fs::path& folder) { write_private_file(folder / kLoadFile, body); });
}

Response bulk_status(Call& call) {
  const Job job = job_at(call);
  if (job.state == Job::State::cancelled) throw HttpError{404, "the job was cancelled"};
  if (job.state == Job::State::failed) throw HttpError{500, job.problem};
  if (job.state != Job::State::done) {
    Response response{202, "", ""};
    response.headers.emplace_back("Retry-After", "2");
    response.headers.emplace_back("X-Progress",
                                  std::to_string(job.done) + " of " + std::to_string(job.total));
    return response;
  }
  const Json result = Json::parse(call.service.jobs().detail(job.id).result);
  Response response = json_response(manifest(call, job, result));
  response.headers.emplace_back("Expires", http_date(*job.ended + std::chrono::hours(24)));
  return response;
}

Response bulk_file(Call& call) {
  static const Pattern kName =
      Pattern::require("^[A-Za-z]{1,40}\\.[0-9]{1,9}\\.ndjson$", "files of jobs");
  const Job job = job_at(call);
  const fs::path file = call.service.jobs().folder(job.id) / call.parts[1];
  if (job.state != Job::State::done || !kName.in(call.parts[1]) || !fs::exists(file))
    throw HttpError{404, "no such file, or not any more: files stay for a day"};
  note(call, "fetch", {{"job", job.id}, {"file", call.parts[1]}});
  return {200, kNdjson, read_file(file)};
}

Response bulk_delete(Call& call) {
  const Job job = job_at(call);
  note(call, "cancel_job", {{"job", job.id}});
  call.service.jobs().cancel(job.id);
  std::error_code ignored;  // of one that is over; a running one takes its own away
  if (job.state == Job::State::done) {
    fs::remove_all(call.service.jobs().folder(job.id), ignored);
    note(call, "delete_job", {{"job", job.id}});
  }
  return {202, "", ""};
}

}  // namespace cangong
