#include "serve/sign_on.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/error.h"
#include "base/base64.h"
#include "base/json_values.h"
#include "base/secret_file.h"
#include "base/text.h"
#include "serve/accounts.h"
#include "serve/key_source.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;
using namespace std::chrono_literals;

constexpr std::array kSignOnAlgorithms{JwtAlgorithm::rs256, JwtAlgorithm::rs384,
                                       JwtAlgorithm::es256, JwtAlgorithm::es384};
constexpr auto kToSignIn = 10min, kKnown = 10min, kAfterFailure = 1min;
constexpr std::size_t kMostUnderWay = 1000;
constexpr std::chrono::milliseconds kSignOnWithin = 8s;

// What the other side says of itself.
struct Endpoints {
  std::string issuer, authorization, token;
  std::shared_ptr<KeySource> keys = nullptr;
  Time read = {};
};

std::string with_query(const std::string& url, const Pairs& query) {
  std::string all = url;
  for (const auto& [key, value] : query) {
    all += all.find('?') == std::string::npos ? '?' : '&';
    all += key + "=" + encode_url(value);
  }
  return all;
}

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

std::string fresh() {
  return base64url(random_bytes(32));
}

}  // namespace

struct SignOn::State {
  struct Provider {
    SignOnConfig config;
    std::string secret;
    std::unique_ptr<std::mutex> discovering = std::make_unique<std::mutex>();
    std::optional<Endpoints> endpoints = {};
    std::optional<Time> failed = {};
    bool launches() const { return config.kind == "smart"; }
  };
  struct UnderWay {
    std::size_t provider = 0;
    std::string nonce, verifier, back_to;
    Digest browser;
    Time until;
  };
  Parts parts;
  std::vector<Provider> providers = {};
  std::mutex mutex = {};
  std::map<std::string, UnderWay> under_way = {};  // by state

  Json read(const std::string& url, const Asker& asker) {
    OutboundRequest request;
    request.url = url, request.purpose = "sign-on", request.within = kSignOnWithin;
    request.most_bytes = 1 << 20, request.headers = {{"Accept", "application/json"}};
    const OutboundResponse got = parts.outbound.ask(request, asker);
    Json json = Json::parse(got.body, nullptr, false);
    if (got.status != 200 || !json.is_object())
      fail(Fault::missing, "the other side does not say how to sign in there");
    return json;
  }

  Endpoints endpoints_of(Provider& provider, const Asker& asker, Time now) {
    const std::unique_lock lock(*provider.discovering, std::try_to_lock);
    if (!lock || (provider.failed && now < *provider.failed + kAfterFailure))
      fail(Fault::denied, "the other side cannot be reached now; try again in a minute");
    if (provider.endpoints && now < provider.endpoints->read + kKnown) return *provider.endpoints;
    try {
      provider.endpoints = discover(provider, asker, now);
      provider.failed.reset();
      return *provider.endpoints;
    } catch (const Error&) {
      provider.failed = now;
      throw;
    }
  }

  Endpoints discover(const Provider& provider, const Asker& asker, Time now) {
    const std::string issuer = without_slash(provider.config.issuer);
    const Json told = read(issuer + (provider.launches() ? "/.well-known/smart-configuration"
                                                         : "/.well-known/openid-configuration"),
                           asker);
    const std::string keys = text_at(told, "jwks_uri");
    Endpoints found{text_at(told, "issuer"), text_at(told, "authorization_endpoint"),
                    text_at(told, "token_endpoint")};
    for (const std::string& url : {found.authorization, found.token, keys})
      if (!is_https(url)) fail(Fault::missing, "the other side names no https addresses");
    // Who answers for another would sign for them.
    if (found.issuer.empty() || (!provider.launches() && without_slash(found.issuer) != issuer))
      fail(Fault::missing, "the other side is another issuer than the one configured");
    found.keys = provider.endpoints && provider.endpoints->keys->where() == keys
                     ? provider.endpoints->keys
                     : std::make_shared<KeySource>(keys, parts.hospital.home().path);
    found.read = now;
    return found;
  }

  Begun begin(std::size_t index, Pairs query, const std::string& back_to, const Asker& asker,
              Time now) {
    Provider& provider = providers[index];
    const Endpoints endpoints = endpoints_of(provider, asker, now);
    const std::string state = fresh(), browser = fresh();
    UnderWay one{index, fresh(), fresh(), back_to, digest_of(browser), now + kToSignIn};
    const std::string challenge = base64url(from_hexadecimal(digest_of(one.verifier)).value_or(""));
    for (auto& pair : Pairs{{"response_type", "code"},
                            {"client_id", provider.config.client_id},
                            {"redirect_uri", back_to},
                            {"state", state},
                            {"nonce", one.nonce},
                            {"code_challenge", challenge},
                            {"code_challenge_method", "S256"}})
      query.push_back(std::move(pair));
    const std::lock_guard lock(mutex);
    std::erase_if(under_way, [&](const auto& entry) { return entry.second.until <= now; });
    if (under_way.size() >= kMostUnderWay)  // whoever floods it shuts nobody out for long
      under_way.erase(std::min_element(
          under_way.begin(), under_way.end(),
          [](const auto& a, const auto& b) { return a.second.until < b.second.until; }));
    under_way[state] = std::move(one);
    return {with_query(endpoints.authorization, query), browser};
  }

  UnderWay take(const std::string& state, const std::string& browser, Time now) {
    const std::lock_guard lock(mutex);
    const auto found = under_way.find(state);
    if (found == under_way.end()) fail(Fault::denied, "nobody began to sign in so; begin again");
    const UnderWay one = std::move(found->second);
    under_way.erase(found);
    if (one.until <= now) fail(Fault::denied, "signing in took too long; begin again");
    if (!same_secret(one.browser, digest_of(browser)))
      fail(Fault::denied, "another browser began to sign in so; begin again");
    return one;
  }

  Json exchange(const Provider& provider, const Endpoints& endpoints, const UnderWay& one,
                const std::string& code, const Asker& asker) {
    OutboundRequest request;
    request.method = "POST", request.url = endpoints.token, request.purpose = "sign-on";
    request.within = kSignOnWithin, request.most_bytes = 1 << 20;
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                       {"Accept", "application/json"}};
    // RFC 6749, section 2.3.1: both parts are encoded before they are joined.
    if (!provider.secret.empty())
      request.headers.emplace_back("Authorization",
                                   "Basic " + base64(encode_url(provider.config.client_id) + ":" +
                                                     encode_url(provider.secret)));
    request.body = "grant_type=authorization_code&code=" + encode_url(code) +
                   "&redirect_uri=" + encode_url(one.back_to) +
                   "&client_id=" + encode_url(provider.config.client_id) +
                   "&code_verifier=" + one.verifier;
    const OutboundResponse got = parts.outbound.ask(request, asker);
    Json json = Json::parse(got.body, nullptr, false);
    if (got.status != 200 || !json.is_object())
      fail(Fault::denied, "the other side does not confirm who this is");
    return json;
  }

  // OpenID Connect Core, section 3.1.3.7.
  Json claims_of(const Provider& provider, const Endpoints& endpoints, const UnderWay& one,
                 const std::string& token, const Asker& asker, Time now) {
    const Jwt jwt = endpoints.keys->verify(token, kSignOnAlgorithms, parts.outbound, asker, now);
    const std::string& client = provider.config.client_id;
    if (jwt.issuer != endpoints.issuer) fail(Fault::denied, "the identity is of another issuer");
    if (std::find(jwt.audience.begin(), jwt.audience.end(), client) == jwt.audience.end())
      fail(Fault::denied, "the identity is for another program");
    const Json claims = Json::parse(jwt.claims);
    if (jwt.audience.size() > 1 && text_at(claims, "azp") != client)
      fail(Fault::denied, "the identity is for another program");
    if (!same_secret(jwt.nonce, one.nonce))
      fail(Fault::denied, "the identity is of another time of signing in");
    return claims;
  }
};

SignOn::SignOn(const std::vector<SignOnConfig>& providers, const Parts& parts)
    : state_(new State{parts}) {
  for (const SignOnConfig& config : providers) {
    const auto require = [&](bool holds, const std::string& rule) {
      if (!holds) fail(Fault::config, config.where + ": " + rule);
    };
    require(!config.name.empty() && !config.client_id.empty() && !config.account_claim.empty(),
            "an entry has name, issuer, client_id and account_claim");
    require(config.kind == "oidc" || config.kind == "smart", "kind is oidc or smart");
    require(is_https(config.issuer) && parts.outbound.lists(config.issuer),
            "issuer is an https URL of a host in outbound:");
    State::Provider provider{config, ""};
    if (!config.client_secret_file.empty())
      at_place(config.where + ": client_secret_file", [&] {
        provider.secret = read_secret(parts.hospital.home().path / config.client_secret_file);
      });
    state_->providers.push_back(std::move(provider));
  }
}
SignOn::~SignOn() = default;

std::vector<std::string> SignOn::names() const {
  std::vector<std::string> all;
  for (const State::Provider& provider : state_->providers)
    if (!provider.launches()) all.push_back(provider.config.name);
  return all;
}

SignOn::Begun SignOn::begin(const std::string& name, const std::string& back_to, const Asker& asker,
                            Time now) {
  for (std::size_t i = 0; i < state_->providers.size(); ++i)
    if (state_->providers[i].config.name == name && !state_->providers[i].launches())
      return state_->begin(i, {{"scope", "openid profile"}}, back_to, asker, now);
  fail(Fault::missing, "nobody of that name to sign in with (sign_on: in config.yaml)");
}

SignOn::Begun SignOn::launch(const std::string& issuer, const std::string& launch,
                             const std::string& back_to, const Asker& asker, Time now) {
  for (std::size_t i = 0; i < state_->providers.size(); ++i) {
    const SignOnConfig& config = state_->providers[i].config;
    if (state_->providers[i].launches() && without_slash(config.issuer) == without_slash(issuer))
      return state_->begin(
          i, {{"scope", "launch openid fhirUser"}, {"aud", config.issuer}, {"launch", launch}},
          back_to, asker, now);
  }
  fail(Fault::denied, "this FHIR server is not one that may launch (sign_on: kind smart)");
}

SignOn::Arrived SignOn::finish(const std::string& state, const std::string& code,
                               const std::string& browser, const Asker& asker, Time now) {
  const State::UnderWay one = state_->take(state, browser, now);
  State::Provider& provider = state_->providers[one.provider];
  const Endpoints endpoints = state_->endpoints_of(provider, asker, now);
  const Json answer = state_->exchange(provider, endpoints, one, code, asker);
  const Json claims =
      state_->claims_of(provider, endpoints, one, text_at(answer, "id_token"), asker, now);
  Arrived arrived{lower(text_at(claims, provider.config.account_claim.c_str())),
                  provider.config.name};
  if (arrived.account.empty())
    fail(Fault::denied, "the identity has no " + provider.config.account_claim);
  if (provider.launches()) arrived.patient = text_at(answer, "patient");
  return arrived;
}

}  // namespace cangong
