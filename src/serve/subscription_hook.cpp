// A Subscription, read: what it is about and whom to call.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "serve/subscriptions.h"
#include "source/fhir_record.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostHookCodes = 100, kMostHeaders = 10, kLongestText = 2000;

[[noreturn]] void reject_hook(const std::string& why) {
  fail(Fault::input, why);
}

std::string required_text(const Json& json, const char* key, const char* name) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string() || found->get_ref<const std::string&>().empty() ||
      found->get_ref<const std::string&>().size() > kLongestText)
    reject_hook(std::string(name) + " is a text");
  return *found;
}

void take_criteria(const std::string& criteria, Hook& hook) {
  const std::size_t query = criteria.find('?');
  hook.type = criteria.substr(0, query);
  if (!is_fhir_type(hook.type))
    reject_hook("Subscription.criteria begins with a type that is kept");
  if (query == std::string::npos) return;
  const std::string_view rest = std::string_view(criteria).substr(query + 1);
  const auto codes = rest.starts_with("code=") && rest.find('&') == std::string_view::npos
                         ? decode_url(rest.substr(5), ' ')
                         : std::nullopt;
  if (!codes || codes->empty())
    reject_hook("Subscription.criteria is Type, or Type?code=system|code,...");
  for (const auto code : split(*codes, ',')) hook.codes.emplace_back(code);
  if (hook.codes.size() > kMostHookCodes)
    reject_hook("Subscription.criteria has 100 codes at most");
}

void take_headers(const Json& channel, Hook& hook) {
  const auto found = channel.find("header");
  if (found == channel.end()) return;
  if (!found->is_array() || found->size() > kMostHeaders)
    reject_hook("Subscription.channel.header is a list of ten at most");
  for (const Json& one : *found) {
    const std::string text = one.is_string() ? one.get<std::string>() : "";
    const std::size_t colon = text.find(':');
    const bool bad = colon == 0 || colon == std::string::npos || text.size() > kLongestText ||
                     std::any_of(text.begin(), text.end(), [](char c) {
                       return static_cast<unsigned char>(c) < ' ' || c == 127;
                     });
    if (bad) reject_hook("Subscription.channel.header is \"Name: value\"");
    hook.headers.emplace_back(text.substr(0, colon),
                              std::string(trim(std::string_view(text).substr(colon + 1))));
  }
}

void take_model(const Json& json, Hook& hook) {
  const auto found = json.find("extension");
  if (found == json.end() || !found->is_array()) return;
  for (const Json& one : *found)
    if (one.is_object() && one.contains("url") && one["url"].is_string() &&
        one["url"].get_ref<const std::string&>().ends_with(kPredictExtension))
      hook.model = required_text(one, "valueString", "the extension's valueString");
}

}  // namespace

Hook hook_of(const std::string& subscription) {
  const Json json = Json::parse(subscription, nullptr, false);
  if (!json.is_object() || json.value("resourceType", Json()) != "Subscription")
    reject_hook("the body is a Subscription");
  Hook hook;
  (void)required_text(json, "reason", "Subscription.reason");
  take_criteria(required_text(json, "criteria", "Subscription.criteria"), hook);
  const auto channel = json.find("channel");
  if (channel == json.end() || !channel->is_object())
    reject_hook("Subscription.channel is missing");
  if (channel->value("type", Json()) != "rest-hook")
    reject_hook("Subscription.channel.type is rest-hook");
  hook.endpoint = required_text(*channel, "endpoint", "Subscription.channel.endpoint");
  if (channel->contains("payload")) {
    if (required_text(*channel, "payload", "Subscription.channel.payload") !=
        "application/fhir+json")
      reject_hook("Subscription.channel.payload is application/fhir+json, or absent");
    hook.sends_resource = true;
  }
  take_headers(*channel, hook);
  take_model(json, hook);
  return hook;
}

}  // namespace cangong
