#include "serve/fhir_server.h"

#include "base/error.h"
#include "base/json_members.h"
#include "serve/json.h"
#include "serve/outbound.h"

namespace cangong {
namespace {

constexpr std::chrono::seconds kLongest{8};  // who asks waits for a card
constexpr std::size_t kMostBytes = 32 << 20, kMostPages = 50;

}  // namespace

std::string next_page(std::string_view bundle) {
  // The links alone are read: entries are large.
  const JsonMembers members = json_members(bundle);
  const std::string_view* links = find_member(members, "link");
  const Json list = links ? Json::parse(*links, nullptr, false) : Json();
  if (!list.is_array()) return "";
  for (const Json& link : list)
    if (link.is_object() && link.value("relation", Json()) == "next" && link.contains("url") &&
        link["url"].is_string())
      return link["url"];
  return "";
}

FhirServer::FhirServer(Call& call, std::string base, std::string token)
    : call_(call),
      base_(std::move(base)),
      token_(std::move(token)),
      until_(std::chrono::steady_clock::now() + kLongest),
      bytes_left_(kMostBytes),
      pages_left_(kMostPages) {
  while (base_.ends_with('/')) base_.pop_back();
  try {
    (void)parse_https_url(base_);
  } catch (const Error&) {
    throw HttpError{400, "fhirServer is an https URL"};
  }
}

bool FhirServer::is_listed() const {
  return call_.service.outbound().lists(base_);
}

std::string FhirServer::read(const std::string& url) {
  if (pages_left_ == 0) fail(Fault::missing, "the EHR's answer has too many pages");
  --pages_left_;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      until_ - std::chrono::steady_clock::now());
  if (left.count() <= 0) fail(Fault::missing, "the EHR took too long");
  OutboundRequest request;
  request.url = url, request.purpose = "cds-hooks", request.within = left;
  request.most_bytes = bytes_left_;
  request.headers = {{"Accept", "application/fhir+json"}};
  if (!token_.empty()) request.headers.emplace_back("Authorization", "Bearer " + token_);
  OutboundResponse got = call_.service.outbound().ask(request, call_.asker);
  if (got.status != 200)
    fail(Fault::missing, "the EHR answered with status " + std::to_string(got.status));
  bytes_left_ -= std::min(bytes_left_, got.body.size());
  if (fhir_type_of(got.body).empty() || fhir_type_of(got.body) == "OperationOutcome")
    fail(Fault::missing, "the EHR's answer is no resource");
  return std::move(got.body);
}

std::vector<std::string> FhirServer::get(const std::string& query) {
  std::vector<std::string> all{read(base_ + "/" + query)};
  for (std::string& page : pages_after(all.front())) all.push_back(std::move(page));
  return all;
}

std::vector<std::string> FhirServer::pages_after(std::string_view bundle) {
  std::vector<std::string> all;
  const HttpsUrl home = parse_https_url(base_);
  for (std::string next = next_page(bundle); !next.empty(); next = next_page(all.back())) {
    const std::string url = resolve_redirect(home, next);
    // Elsewhere the token would be told to a stranger.
    if (parse_https_url(url).authority() != home.authority())
      fail(Fault::missing, "the EHR's pages lead to another host");
    all.push_back(read(url));
  }
  return all;
}

}  // namespace cangong
