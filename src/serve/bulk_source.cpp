#include "serve/bulk_source.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_values.h"
#include "base/new_id.h"
#include "base/text.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;
using namespace std::chrono_literals;

constexpr std::chrono::seconds kAnswerWithin = 30s, kFileWithin = 30min;
constexpr std::size_t kLargestDownload = std::size_t{20} << 30;
constexpr std::chrono::seconds kShortestWait = 1s, kLongestWait = 120s;

Json object_of(const OutboundResponse& got, const std::string& what) {
  Json json = Json::parse(got.body, nullptr, false);
  if (!json.is_object()) fail(Fault::input, "the source's " + what + " is no JSON object");
  return json;
}

[[noreturn]] void refused(const OutboundResponse& got, const std::string& what) {
  fail(Fault::input, "the source refuses " + what + " (status " + std::to_string(got.status) + ")");
}

std::vector<BulkManifest::File> files_of(const Json& manifest, const char* key) {
  std::vector<BulkManifest::File> all;
  const auto found = manifest.find(key);
  if (found == manifest.end() || !found->is_array()) return all;
  for (const Json& one : *found) all.push_back({text_at(one, "type"), text_at(one, "url")});
  return all;
}

}  // namespace

BulkSource::BulkSource(const BulkSourceConfig& config, const Parts& parts)
    : config_(config), parts_(parts), base_(config.url) {
  while (base_.ends_with('/')) base_.pop_back();
}

// The token endpoint is the source's own word, or the configuration's.
const std::string& BulkSource::token() {
  const auto clock = std::chrono::steady_clock::now();
  if (clock < good_until_) return token_;
  std::string url = config_.token_url;
  if (url.empty()) {
    OutboundRequest request;
    request.url = base_ + "/.well-known/smart-configuration", request.purpose = "pull";
    request.within = kAnswerWithin, request.headers = {{"Accept", "application/json"}};
    const OutboundResponse got = parts_.outbound.ask(request, parts_.asker);
    if (got.status != 200) refused(got, "to say where tokens are given");
    url = text_at(object_of(got, "configuration"), "token_endpoint");
    // Another's token would come of it, told to this source.
    if (parse_https_url(url).authority() != parse_https_url(base_).authority())
      fail(Fault::input, "the source gives tokens on another host: name it as token_url");
  }
  const auto expires =
      std::chrono::duration_cast<std::chrono::seconds>((now() + 4min).time_since_epoch());
  const std::string assertion = parts_.key.sign(Json{
      {"iss", config_.client_id},
      {"sub", config_.client_id},
      {"aud", url},
      {"exp", expires.count()},
      {"jti", new_id(now())}}.dump());
  OutboundRequest request;
  request.method = "POST", request.url = url, request.purpose = "pull",
  request.within = kAnswerWithin;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                     {"Accept", "application/json"}};
  request.body = "grant_type=client_credentials&scope=" + encode_url(config_.scopes) +
                 "&client_assertion_type=" +
                 encode_url("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") +
                 "&client_assertion=" + assertion;
  const OutboundResponse got = parts_.outbound.ask(request, parts_.asker);
  if (got.status != 200) refused(got, "a token; is the key registered (/.well-known/jwks.json)?");
  const Json told = object_of(got, "token");
  token_ = text_at(told, "access_token");
  const Json seconds = told.value("expires_in", Json(60));
  const auto life = std::chrono::seconds(seconds.is_number_integer() ? seconds.get<int>() : 60);
  good_until_ = clock + std::max<std::chrono::seconds>(life - 15s, 1s);
  return token_;
}

OutboundResponse BulkSource::ask(OutboundRequest request, Access access) {
  request.purpose = "pull";
  // Elsewhere the token would be told to a stranger.
  const bool same = parse_https_url(request.url).authority() == parse_https_url(base_).authority();
  if (access == Access::token && same && !config_.client_id.empty())
    request.headers.emplace_back("Authorization", "Bearer " + token());
  return parts_.outbound.ask(request, parts_.asker);
}

std::string BulkSource::begin(const std::string& since) {
  OutboundRequest request;
  request.url =
      base_ +
      (config_.group.empty() ? "/$export" : "/Group/" + encode_url(config_.group) + "/$export");
  char next = '?';
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) request.url += next + (key + ("=" + encode_url(value))), next = '&';
  };
  add("_type", config_.types), add("_since", since);
  request.within = kAnswerWithin;
  request.headers = {{"Accept", "application/fhir+json"}, {"Prefer", "respond-async"}};
  const OutboundResponse got = ask(request, Access::token);
  if (got.status != 202 || got.header("content-location").empty()) refused(got, "an export");
  return resolve_redirect(parse_https_url(request.url), got.header("content-location"));
}

BulkSource::Status BulkSource::status(const std::string& at) {
  OutboundRequest request;
  request.url = at, request.within = kAnswerWithin, request.most_bytes = 16 << 20;
  request.headers = {{"Accept", "application/json"}};
  const OutboundResponse got = ask(request, Access::token);
  Status status;
  if (got.status == 202 || got.status == 429) {
    const auto asked = parse_integer(got.header("retry-after"));
    status.wait = std::clamp<std::chrono::seconds>(std::chrono::seconds(asked.value_or(5)),
                                                   kShortestWait, kLongestWait);
    status.progress = got.header("x-progress").substr(0, 100);
    return status;
  }
  if (got.status >= 500 && got.status != 501)
    fail(Fault::missing, "the source answers with status " + std::to_string(got.status));
  if (got.status != 200) refused(got, "the export's result");
  const Json told = object_of(got, "manifest");
  BulkManifest manifest{text_at(told, "transactionTime"),
                        told.value("requiresAccessToken", true) ? Access::token : Access::open,
                        files_of(told, "output"), files_of(told, "deleted")};
  if (manifest.at.empty()) fail(Fault::input, "the source's manifest has no transactionTime");
  status.manifest = std::move(manifest);
  return status;
}

void BulkSource::fetch(const std::string& url, Access access, const fs::path& into,
                       const std::function<bool()>& stop) {
  OutboundRequest request;
  request.url = url, request.within = kFileWithin, request.most_bytes = kLargestDownload;
  request.headers = {{"Accept", "application/fhir+ndjson"}}, request.into = into;
  request.stop = stop;
  const OutboundResponse got = ask(request, access);
  if (got.status != 200) refused(got, "one of its files");
}

void BulkSource::end(const std::string& at) {
  OutboundRequest request;
  request.method = "DELETE", request.url = at, request.within = kAnswerWithin;
  try {
    ask(request, Access::token);
  } catch (const Error& error) {
    if (error.fault == Fault::storage) throw;  // it forgets by itself
  }
}

}  // namespace cangong
