#include "serve/scopes.h"

#include <gtest/gtest.h>

namespace cangong {
namespace {

TEST(Scopes, BothVersionsAreRead) {
  const auto scopes = Scopes::parse("system/Observation.rs  system/Patient.read");
  ASSERT_TRUE(scopes);
  EXPECT_TRUE(scopes->allow("Observation", 'r'));
  EXPECT_TRUE(scopes->allow_all("Patient", "rs"));
  EXPECT_FALSE(scopes->allow("Observation", 'c'));
  EXPECT_FALSE(scopes->allow("Condition", 'r'));
  EXPECT_FALSE(scopes->allow("*", 'r'));
  EXPECT_EQ(scopes->text(), "system/Observation.rs system/Patient.read");
  EXPECT_TRUE(Scopes::parse("system/*.write")->allow_all("Condition", "cud"));
  EXPECT_FALSE(Scopes::parse("system/*.write")->allow("Condition", 'r'));
  EXPECT_TRUE(Scopes::parse("system/*.*")->allow_all("*", "cruds"));
}

TEST(Scopes, NothingElse) {
  for (const char* text : {"", " ", "patient/Observation.rs", "user/*.*", "system/Observation",
                           "system/.rs", "system/Observation.", "system/Observation.sr",
                           "system/Observation.rr", "system/Observation.rs?category=lab",
                           "system/Obs-ervation.r", "openid", "system/Observation.rs openid"})
    EXPECT_FALSE(Scopes::parse(text)) << text;
}

TEST(Scopes, OneLiesWithinAnother) {
  const auto registered = *Scopes::parse("system/*.rs system/Observation.c");
  EXPECT_TRUE(Scopes::parse("system/Observation.crs")->within(registered));
  EXPECT_TRUE(Scopes::parse("system/*.read")->within(registered));
  EXPECT_FALSE(Scopes::parse("system/Condition.c")->within(registered));
  EXPECT_FALSE(Scopes::parse("system/*.*")->within(registered));
}

}  // namespace
}  // namespace cangong
