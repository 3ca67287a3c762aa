// SMART: what the server can do, and the token endpoint of Backend Services.
#include "base/error.h"
#include "base/text.h"
#include "serve/clients.h"
#include "serve/json.h"
#include "serve/own_key.h"

namespace cangong {
namespace {

constexpr const char* kAssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

std::string token_url(const Call& call) {
  return call.service.public_url() + "/auth/token";
}

Response oauth_error(const OAuthError& error) {
  const int status = error.code == "invalid_client"            ? 401
                     : error.code == "temporarily_unavailable" ? 503
                                                               : 400;
  Response response =
      json_response({{"error", error.code}, {"error_description", error.description}}, status);
  response.headers.emplace_back("Pragma", "no-cache");
  return response;
}

// Fields of application/x-www-form-urlencoded. A field that comes twice is none.
std::string field(const Pairs& form, std::string_view name) {
  std::string value;
  int count = 0;
  for (const auto& [key, text] : form)
    if (key == name) value = text, ++count;
  return count == 1 ? value : "";
}

Pairs form_of(const Request& request) {
  if (media_type(request, "content-type") != "application/x-www-form-urlencoded")
    throw OAuthError{"invalid_request", "send application/x-www-form-urlencoded"};
  auto form = decode_pairs(request.body);
  if (!form) throw OAuthError{"invalid_request", "the form is not well formed"};
  return std::move(*form);
}

Response granted(Call& call) {
  const Pairs form = form_of(call.request);
  if (field(form, "grant_type") != "client_credentials")
    throw OAuthError{"unsupported_grant_type", "grant_type is client_credentials"};
  if (field(form, "client_assertion_type") != kAssertionType)
    throw OAuthError{"invalid_request", std::string("client_assertion_type is ") + kAssertionType};
  const Clients::Granted got = call.service.clients().grant(
      {field(form, "client_assertion"), field(form, "scope"), token_url(call)}, call.asker,
      call.now);
  call.asker.user = got.program.account.name;
  note(call, "token", {{"client", got.program.client}, {"scope", got.program.scopes->text()}});
  Response response = json_response({{"access_token", got.token},
                                     {"token_type", "bearer"},
                                     {"expires_in", got.seconds},
                                     {"scope", got.program.scopes->text()}});
  response.headers.emplace_back("Pragma", "no-cache");
  return response;
}

}  // namespace

Response give_token(Call& call) {
  try {
    return granted(call);
  } catch (const OAuthError& error) {
    note(call, "token_refused", {{"error", error.code}});
    return oauth_error(error);
  }
}

Response own_keys(Call& call) {
  const OwnKey key = OwnKey::open(call.hospital().home().keys() / "client.pem");
  Response response{200, "application/json", key.jwks()};
  response.headers.emplace_back("Cache-Control", "public, max-age=300");
  return response;
}

Response smart_configuration(Call& call) {
  return json_response(
      {{"token_endpoint", token_url(call)},
       {"token_endpoint_auth_methods_supported", Json::array({"private_key_jwt"})},
       {"token_endpoint_auth_signing_alg_values_supported", Json::array({"RS384", "ES384"})},
       {"grant_types_supported", Json::array({"client_credentials"})},
       {"scopes_supported", Json::array({"system/*.rs", "system/*.cruds"})},
       {"code_challenge_methods_supported", Json::array({"S256"})},
       {"capabilities",
        Json::array({"client-confidential-asymmetric", "permission-v1", "permission-v2"})}});
}

}  // namespace cangong
