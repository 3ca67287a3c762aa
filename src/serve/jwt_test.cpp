#include "serve/jwt.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <array>

#include "base/error.h"

namespace cangong {
namespace {

constexpr std::array kAll{JwtAlgorithm::rs256, JwtAlgorithm::rs384, JwtAlgorithm::es256,
                          JwtAlgorithm::es384};
constexpr Time kNow{std::chrono::seconds(1'700'000'000)};

// A key that signs, as a client has one.
class Signer {
 public:
  Signer(std::string kind, std::string kid) : kind_(std::move(kind)), kid_(std::move(kid)) {
    key_.reset(kind_ == "RSA" ? EVP_RSA_gen(2048) : EVP_EC_gen(kind_.c_str()), EVP_PKEY_free);
  }

  std::string jwk(const std::string& more = "") const {
    const std::string head = R"({"kid":")" + kid_ + R"(","kty":")";
    if (kind_ == "RSA")
      return head + R"(RSA","n":")" + number(OSSL_PKEY_PARAM_RSA_N) + R"(","e":")" +
             number(OSSL_PKEY_PARAM_RSA_E) + "\"" + more + "}";
    return head + R"(EC","crv":")" + kind_ + R"(","x":")" + number(OSSL_PKEY_PARAM_EC_PUB_X) +
           R"(","y":")" + number(OSSL_PKEY_PARAM_EC_PUB_Y) + "\"" + more + "}";
  }

  std::string sign(const std::string& header, const std::string& claims) const {
    const std::string text = base64url(header) + "." + base64url(claims);
    const bool long_digest = header.find("384") != std::string::npos;
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, long_digest ? EVP_sha384() : EVP_sha256(), nullptr,
                       key_.get());
    std::string bytes(1024, '\0');
    std::size_t size = bytes.size();
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(bytes.data()), &size,
                   reinterpret_cast<const unsigned char*>(text.data()), text.size());
    EVP_MD_CTX_free(context);
    bytes.resize(size);
    return text + "." + base64url(kind_ == "RSA" ? bytes : raw(bytes));
  }

 private:
  std::size_t half() const { return kind_ == "P-256" ? 32 : 48; }
  std::string number(const char* name) const {
    BIGNUM* value = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &value);
    std::string bytes(kind_ == "RSA" ? static_cast<std::size_t>(BN_num_bytes(value)) : half(), 0);
    BN_bn2binpad(value, reinterpret_cast<unsigned char*>(bytes.data()),
                 static_cast<int>(bytes.size()));
    BN_free(value);
    return base64url(bytes);
  }
  // r and s side by side.
  std::string raw(const std::string& der) const {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    std::string bytes(2 * half(), '\0');
    auto* out = reinterpret_cast<unsigned char*>(bytes.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, static_cast<int>(half()));
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + half(), static_cast<int>(half()));
    ECDSA_SIG_free(pair);
    return bytes;
  }

  std::string kind_, kid_;
  std::shared_ptr<EVP_PKEY> key_;
};

KeySet set_of(std::initializer_list<std::string> keys) {
  std::string text;
  for (const std::string& key : keys) text += (text.empty() ? "" : ",") + key;
  return KeySet::parse(R"({"keys":[)" + text + "]}");
}

std::string claims(const std::string& more = "") {
  return R"({"iss":"ehr","sub":"ehr","aud":"https://x/auth/token","exp":1700000200,"jti":"1")" +
         more + "}";
}

// The message with which a token is refused; empty where it is taken.
std::string refusal(const std::string& token, const KeySet& keys, Time now = kNow) {
  try {
    (void)verify_jwt(token, keys, kAll, now);
    return "";
  } catch (const Error& error) {
    EXPECT_TRUE(error.fault == Fault::denied || error.fault == Fault::input);
    return error.what();
  }
}

TEST(Jwt, TheStandardsOwnTokensAreRight) {
  // RFC 7515, appendices A.2 and A.3; their exp is 1300819380.
  const KeySet keys = set_of(
      {R"({"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxH)"
       "mfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9"
       "wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4u"
       "DZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb"
       R"(54h4FRWyuXpoQ"})",
       R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
       R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})"});
  const std::string said =
      ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnV"
      "lfQ.";
  const std::string rsa = "eyJhbGciOiJSUzI1NiJ9" + said +
                          "cC4hiUPoj9Eetdgtv3hF80EGrhuB__"
                          "dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5j"
                          "ujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"
                          "nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L"
                          "07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-"
                          "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEU"
                          "ipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
  const std::string ec =
      "eyJhbGciOiJFUzI1NiJ9" + said +
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
  const Time then{std::chrono::seconds(1300819380)};
  for (const std::string& token : {rsa, ec}) {
    EXPECT_EQ(verify_jwt(token, keys, kAll, then).issuer, "joe");
    EXPECT_NE(refusal(token, keys).find("(exp)"), std::string::npos);
    std::string other = token;
    other[30] = other[30] == 'a' ? 'b' : 'a';
    EXPECT_NE(refusal(other, keys, then), "");
  }
}

TEST(Jwt, EveryAlgorithmIsVerifiedWithItsKeyAlone) {
  const Signer rsa("RSA", "r"), short_ec("P-256", "e"), long_ec("P-384", "f"), other("P-256", "e");
  const KeySet keys = set_of({rsa.jwk(), short_ec.jwk(), long_ec.jwk()});
  EXPECT_EQ(keys.size(), 3u);
  const std::string r256 = rsa.sign(R"({"alg":"RS256","kid":"r"})", claims());
  EXPECT_EQ(refusal(r256, keys), "");
  EXPECT_EQ(refusal(rsa.sign(R"({"alg":"RS384","kid":"r"})", claims()), keys), "");
  EXPECT_EQ(refusal(short_ec.sign(R"({"alg":"ES256","kid":"e"})", claims()), keys), "");
  EXPECT_EQ(refusal(long_ec.sign(R"({"alg":"ES384","kid":"f"})", claims()), keys), "");
  const Jwt told = verify_jwt(r256, keys, kAll, kNow);
  EXPECT_EQ(told.subject, "ehr");
  EXPECT_EQ(told.audience, std::vector<std::string>{"https://x/auth/token"});
  const std::array only{JwtAlgorithm::es384};
  EXPECT_THROW((void)verify_jwt(r256, keys, only, kNow), Error);
  EXPECT_NE(refusal(other.sign(R"({"alg":"ES256","kid":"e"})", claims()), keys), "");
  EXPECT_NE(refusal(short_ec.sign(R"({"alg":"ES256","kid":"r"})", claims()), keys), "");
  EXPECT_NE(refusal(long_ec.sign(R"({"alg":"ES256","kid":"f"})", claims()), keys), "");
  const KeySet twice = set_of({short_ec.jwk(), other.jwk()});
  EXPECT_NE(
      refusal(short_ec.sign(R"({"alg":"ES256","kid":"e"})", claims()), twice).find("several keys"),
      std::string::npos);
}

TEST(Jwt, WhatNobodySignedIsRefused) {
  const Signer ec("P-256", "e");
  const KeySet keys = set_of({ec.jwk()});
  for (const char* alg : {"none", "None", "HS256", "HS384", "PS256", "EdDSA", ""}) {
    const std::string header = std::string(R"({"kid":"e","alg":")") + alg + "\"}";
    EXPECT_NE(refusal(base64url(header) + "." + base64url(claims()) + ".", keys), "") << alg;
    EXPECT_NE(refusal(ec.sign(header, claims()), keys), "") << alg;
  }
  EXPECT_NE(refusal(ec.sign(R"({"alg":"ES256","kid":"e","crit":["exp"]})", claims()), keys), "");
  const std::string good = ec.sign(R"({"alg":"ES256","kid":"e"})", claims());
  EXPECT_EQ(refusal(good, keys), "");
  EXPECT_NE(refusal(good + ".x", keys), "");
  EXPECT_NE(refusal(good + "=", keys), "");
  EXPECT_NE(refusal(good.substr(0, good.size() - 4), keys), "");
  EXPECT_NE(refusal(good.substr(0, good.rfind('.') + 1) + base64url(std::string(64, '\0')), keys),
            "");
  EXPECT_NE(refusal(std::string(20000, 'a'), keys).find("16 KB"), std::string::npos);
  EXPECT_NE(refusal("", keys), "");
  EXPECT_NE(refusal("..", keys), "");
  const std::string deep = R"({"exp":)" + std::string(5000, '[') + std::string(5000, ']') + "}";
  EXPECT_NE(refusal(ec.sign(R"({"alg":"ES256","kid":"e"})", deep), keys), "");
}

TEST(Jwt, TimesHaveAMinutesLeeway) {
  const Signer ec("P-256", "e");
  const KeySet keys = set_of({ec.jwk()});
  const auto sign = [&](const std::string& text) {
    return ec.sign(R"({"alg":"ES256","kid":"e"})", text);
  };
  const Time ends{std::chrono::seconds(1'700'000'200)};
  const std::string token = sign(claims());
  EXPECT_EQ(refusal(token, keys, ends + std::chrono::seconds(59)), "");
  EXPECT_NE(refusal(token, keys, ends + std::chrono::seconds(60)), "");
  EXPECT_EQ(refusal(sign(claims(R"(,"nbf":1700000060,"iat":1700000060)")), keys), "");
  EXPECT_NE(refusal(sign(claims(R"(,"nbf":1700000061)")), keys), "");
  EXPECT_NE(refusal(sign(claims(R"(,"iat":1700000061)")), keys), "");
  EXPECT_NE(refusal(sign(R"({"iss":"ehr"})"), keys), "");
  EXPECT_NE(refusal(sign(R"({"exp":"1700000200"})"), keys), "");
  EXPECT_NE(refusal(sign(R"({"exp":1e300})"), keys), "");
}

TEST(Jwt, KeysThatAreNoneAreRefused) {
  const Signer ec("P-256", "e"), rsa("RSA", "r");
  EXPECT_THROW((void)set_of({ec.jwk(R"(,"d":"AAAA")")}), Error);   // private
  EXPECT_THROW((void)set_of({ec.jwk(R"(,"use":"enc")")}), Error);  // none is left
  EXPECT_EQ(set_of({ec.jwk(R"(,"use":"enc")"), rsa.jwk(R"(,"use":"sig")")}).size(), 1u);
  EXPECT_THROW((void)set_of({R"({"kty":"oct","kid":"x","k":"AAAA"})"}), Error);
  EXPECT_THROW((void)set_of({R"({"kty":"RSA","n":"AQAB","e":"AQAB"})"}), Error);  // 17 bits
  const std::string zeros(43, 'A');  // no point of the curve
  EXPECT_THROW(
      (void)set_of({R"({"kty":"EC","crv":"P-256","x":")" + zeros + R"(","y":")" + zeros + "\"}"}),
      Error);
  for (const char* text : {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[]})", R"({"keys":[1]})",
                           R"({"keys":[{"kty":1}]})"})
    EXPECT_THROW((void)KeySet::parse(text), Error) << text;
  EXPECT_THROW((void)KeySet::parse(std::string(70000, ' ')), Error);
}

TEST(Base64Url, IsOfOneFormAlone) {
  EXPECT_EQ(base64url("foobar"), "Zm9vYmFy");
  EXPECT_EQ(from_base64url("Zm9vYg"), "foob");
  EXPECT_EQ(from_base64url(base64url("\xff\xfe\xfd")), "\xff\xfe\xfd");
  for (const char* text : {"Zm9vYg==", "Zm9vYh", "Z", "Zm9+", "Zm 9"})
    EXPECT_FALSE(from_base64url(text)) << text;
}

}  // namespace
}  // namespace cangong
