#include "serve/own_key.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>

#include "base/error.h"
#include "engine/hospital.h"
#include "serve/jwt.h"

namespace cangong {
namespace {

TEST(OwnKey, WhatItSignsIsVerifiedByItsPublicHalf) {
  const TempFolder folder;
  const fs::path pem = folder.path() / "client.pem";
  const OwnKey key = OwnKey::open(pem);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
                           (now() + std::chrono::minutes(4)).time_since_epoch())
                           .count();
  const std::string claims =
      R"({"iss":"me","sub":"me","aud":"you","jti":"1","exp":)" + std::to_string(seconds) + "}";
  constexpr std::array kAllowed{JwtAlgorithm::es384};
  for (int k = 0; k < 50; ++k) {  // r and s of every length
    const Jwt jwt = verify_jwt(key.sign(claims), KeySet::parse(key.jwks()), kAllowed, now());
    EXPECT_EQ(jwt.issuer, "me");
    EXPECT_EQ(jwt.type, "JWT");
  }
  EXPECT_EQ(OwnKey::open(pem).jwks(), key.jwks());
  EXPECT_EQ(key.jwks().find("\"d\""), std::string::npos);
  ::chmod(pem.c_str(), 0644);
  EXPECT_THROW(OwnKey::open(pem), Error);
}

}  // namespace
}  // namespace cangong
