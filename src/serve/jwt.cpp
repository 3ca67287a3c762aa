#include "serve/jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_members.h"

namespace cangong {
namespace {

constexpr std::size_t kLongestToken = 16 << 10, kLongestSet = 64 << 10, kMostKeys = 100;
constexpr auto kLeeway = std::chrono::minutes(1);

struct Algorithm {
  std::string_view name;
  JwtAlgorithm id;
  std::string_view kind, curve;
  std::size_t half;  // bytes of r and of s
};
constexpr std::array<Algorithm, 4> kAlgorithms{{{"RS256", JwtAlgorithm::rs256, "RSA", "", 0},
                                                {"RS384", JwtAlgorithm::rs384, "RSA", "", 0},
                                                {"ES256", JwtAlgorithm::es256, "EC", "P-256", 32},
                                                {"ES384", JwtAlgorithm::es384, "EC", "P-384", 48}}};

struct Free {
  void operator()(BIGNUM* p) const { BN_free(p); }
  void operator()(OSSL_PARAM_BLD* p) const { OSSL_PARAM_BLD_free(p); }
  void operator()(OSSL_PARAM* p) const { OSSL_PARAM_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(EVP_PKEY_CTX* p) const { EVP_PKEY_CTX_free(p); }
  void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
  void operator()(ECDSA_SIG* p) const { ECDSA_SIG_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Owned<BIGNUM> whole_number(std::string_view bytes) {
  return Owned<BIGNUM>(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

[[noreturn]] void broken(const std::string& rule) {
  fail(Fault::input, "the token is none that is taken: " + rule);
}
[[noreturn]] void refused(const std::string& rule) {
  fail(Fault::denied, "the token is refused: " + rule);
}

nlohmann::json object_of(std::string_view text, const char* what) {
  if (!is_shallow(text)) broken(std::string(what) + " is nested too deep");
  nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) broken(std::string(what) + " is no JSON object");
  return json;
}

std::string text_in(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) return "";
  if (!found->is_string()) broken(std::string(key) + " is no text");
  return found->get<std::string>();
}

// Seconds since 1970; a fraction is dropped.
std::optional<Time> time_in(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) return std::nullopt;
  if (!found->is_number()) broken(std::string(key) + " is no number");
  const double seconds = found->get<double>();
  if (!(seconds >= 0 && seconds < 1e11)) broken(std::string(key) + " is no time");
  return Time(std::chrono::seconds(static_cast<std::int64_t>(seconds)));
}

std::vector<std::string> audience_in(const nlohmann::json& json) {
  const auto found = json.find("aud");
  if (found == json.end()) return {};
  if (found->is_string()) return {found->get<std::string>()};
  if (!found->is_array()) broken("aud is neither text nor list");
  std::vector<std::string> all;
  for (const nlohmann::json& one : *found) {
    if (!one.is_string()) broken("aud holds what is no text");
    all.push_back(one.get<std::string>());
  }
  return all;
}

Owned<EVP_PKEY> public_key(const char* type, OSSL_PARAM_BLD* builder) {
  const Owned<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return nullptr;
  Owned<EVP_PKEY> made(key);
  const Owned<EVP_PKEY_CTX> check(EVP_PKEY_CTX_new_from_pkey(nullptr, made.get(), nullptr));
  return check && EVP_PKEY_public_check(check.get()) == 1 ? std::move(made) : nullptr;
}

std::string number_in(const nlohmann::json& key, const char* name) {
  const auto bytes = from_base64url(text_in(key, name));
  if (!bytes || bytes->empty() || bytes->size() > 1024)
    fail(Fault::input, std::string("JWKS: \"") + name + "\" of a key is no base64url number");
  return *bytes;
}

Owned<EVP_PKEY> rsa_key(const nlohmann::json& key) {
  const Owned<BIGNUM> n = whole_number(number_in(key, "n")), e = whole_number(number_in(key, "e"));
  if (BN_num_bits(n.get()) < 2048 || BN_num_bits(n.get()) > 8192 || BN_num_bits(e.get()) > 64)
    fail(Fault::input, "JWKS: an RSA key has 2,048 to 8,192 bits");
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  return public_key("RSA", builder.get());
}

Owned<EVP_PKEY> ec_key(const nlohmann::json& key, std::size_t half, const std::string& curve) {
  const std::string x = number_in(key, "x"), y = number_in(key, "y");
  if (x.size() != half || y.size() != half)
    fail(Fault::input, "JWKS: a coordinate has another length than its curve's");
  const std::string point = "\x04" + x + y;
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.c_str(), 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  return public_key("EC", builder.get());
}

// The DER that OpenSSL wants, of r and s side by side (RFC 7518, 3.4).
std::string der_of(std::string_view signature, std::size_t half) {
  const Owned<ECDSA_SIG> pair(ECDSA_SIG_new());
  ECDSA_SIG_set0(pair.get(), whole_number(signature.substr(0, half)).release(),
                 whole_number(signature.substr(half)).release());
  unsigned char* bytes = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &bytes);
  if (size <= 0) refused("its signature is none");
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

bool is_signed(const Algorithm& algorithm, EVP_PKEY* key, std::string_view text,
               std::string_view signature) {
  std::string der;
  if (algorithm.half > 0) {
    if (signature.size() != 2 * algorithm.half) return false;
    der = der_of(signature, algorithm.half);
    signature = der;
  }
  const bool short_digest =
      algorithm.id == JwtAlgorithm::rs256 || algorithm.id == JwtAlgorithm::es256;
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, short_digest ? EVP_sha256() : EVP_sha384(),
                              nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text),
                          text.size()) == 1;
}

const Algorithm& algorithm_named(std::string_view name) {
  for (const Algorithm& known : kAlgorithms)
    if (known.name == name) return known;
  broken("its alg is not RS256, RS384, ES256 or ES384");
}

struct Parts {
  std::string_view text;  // that was signed
  std::string header, claims, signature;
};

Parts parts_of(std::string_view token) {
  if (token.size() > kLongestToken) broken("it is longer than 16 KB");
  const std::size_t one = token.find('.'), two = token.find('.', one + 1);
  if (one == std::string_view::npos || two == std::string_view::npos ||
      token.find('.', two + 1) != std::string_view::npos)
    broken("it has three parts");
  auto header = from_base64url(token.substr(0, one));
  auto claims = from_base64url(token.substr(one + 1, two - one - 1));
  auto signature = from_base64url(token.substr(two + 1));
  if (!header || !claims || !signature) broken("its parts are base64url");
  return {token.substr(0, two), std::move(*header), std::move(*claims), std::move(*signature)};
}

Jwt told(const Parts& parts) {
  const nlohmann::json header = object_of(parts.header, "its header");
  const nlohmann::json claims = object_of(parts.claims, "its claims");
  if (header.contains("crit")) broken("it has critical headers");
  Jwt jwt;
  jwt.algorithm = algorithm_named(text_in(header, "alg")).id;
  jwt.kid = text_in(header, "kid"), jwt.type = text_in(header, "typ");
  jwt.jku = text_in(header, "jku");
  jwt.issuer = text_in(claims, "iss"), jwt.subject = text_in(claims, "sub");
  jwt.id = text_in(claims, "jti"), jwt.nonce = text_in(claims, "nonce");
  jwt.audience = audience_in(claims);
  jwt.expires = time_in(claims, "exp"), jwt.issued = time_in(claims, "iat");
  jwt.not_before = time_in(claims, "nbf");
  jwt.claims = parts.claims;
  return jwt;
}

}  // namespace

struct KeySet::Key {
  std::string kid, kind, curve, algorithm;
  Owned<EVP_PKEY> key;
};

KeySet::KeySet() = default;
KeySet::~KeySet() = default;
KeySet::KeySet(KeySet&&) noexcept = default;
KeySet& KeySet::operator=(KeySet&&) noexcept = default;
std::size_t KeySet::size() const {
  return keys_.size();
}

KeySet KeySet::parse(std::string_view text) {
  const auto require = [](bool holds, const char* rule) {
    if (!holds) fail(Fault::input, std::string("JWKS: ") + rule);
  };
  require(text.size() <= kLongestSet, "it is longer than 64 KB");
  require(is_shallow(text), "it is nested too deep");
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  require(json.is_object() && json.contains("keys") && json["keys"].is_array(),
          "it is {\"keys\": [...]}");
  require(json["keys"].size() <= kMostKeys, "it has more than 100 keys");
  KeySet set;
  for (const nlohmann::json& one : json["keys"]) {
    require(one.is_object(), "a key is an object");
    for (const char* secret : {"d", "p", "q", "k"})
      require(!one.contains(secret),
              "a key is private: send the public part alone, and make another");
    Key key{text_in(one, "kid"), text_in(one, "kty"), text_in(one, "crv"), text_in(one, "alg"), {}};
    const std::string use = text_in(one, "use");
    if (!use.empty() && use != "sig") continue;
    if (key.kind == "RSA")
      key.key = rsa_key(one), key.curve.clear();
    else if (key.kind == "EC" && key.curve == "P-256")
      key.key = ec_key(one, 32, key.curve);
    else if (key.kind == "EC" && key.curve == "P-384")
      key.key = ec_key(one, 48, key.curve);
    else
      continue;
    require(key.key != nullptr, "a key is none");
    set.keys_.push_back(std::move(key));
  }
  require(!set.keys_.empty(), "no key of kind RSA, EC P-256 or EC P-384 is in it");
  return set;
}

struct JwtCheck {
  // The one key that fits.
  static EVP_PKEY* key_for(const KeySet& keys, const Jwt& jwt, const Algorithm& algorithm) {
    EVP_PKEY* found = nullptr;
    for (const KeySet::Key& key : keys.keys_) {
      if ((!jwt.kid.empty() && key.kid != jwt.kid) || key.kind != algorithm.kind ||
          key.curve != algorithm.curve ||
          (!key.algorithm.empty() && key.algorithm != algorithm.name))
        continue;
      if (found) refused("several keys fit its kid and alg");
      found = key.key.get();
    }
    if (!found) refused("no key fits its kid and alg");
    return found;
  }
};

Jwt read_unverified(std::string_view token) {
  return told(parts_of(token));
}

Jwt verify_jwt(std::string_view token, const KeySet& keys, std::span<const JwtAlgorithm> allowed,
               Time now) {
  const Parts parts = parts_of(token);
  Jwt jwt = told(parts);
  if (std::find(allowed.begin(), allowed.end(), jwt.algorithm) == allowed.end())
    refused("its alg is not taken here");
  const Algorithm& algorithm = kAlgorithms[static_cast<std::size_t>(jwt.algorithm)];
  EVP_PKEY* key = JwtCheck::key_for(keys, jwt, algorithm);
  if (!is_signed(algorithm, key, parts.text, parts.signature)) refused("its signature is wrong");
  if (!jwt.expires) refused("it has no exp");
  if (now >= *jwt.expires + kLeeway) refused("it is over (exp)");
  if (jwt.not_before && now + kLeeway < *jwt.not_before) refused("it is not yet good (nbf)");
  if (jwt.issued && now + kLeeway < *jwt.issued) refused("it comes from the future (iat)");
  return jwt;
}

}  // namespace cangong
