#include "serve/accounts.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/test_database.h"
#include "base/text.h"

namespace cangong {
namespace {

using namespace std::chrono_literals;

struct Desk {
  TestDatabase live;
  DatabasePool pool{live.at()};
  Accounts accounts{pool, {}};
  Time now{std::chrono::days(20000)};
  static constexpr const char* kPassword = "long enough 1";
};

TEST(Accounts, TheFirstCodeIsGoodOnce) {
  Desk desk;
  const auto code = desk.accounts.first_code();
  ASSERT_TRUE(code);
  EXPECT_FALSE(desk.accounts.first_code());
  EXPECT_THROW(desk.accounts.sign_in({"admin", *code, ""}, desk.now), Error);
  EXPECT_THROW(desk.accounts.sign_in({"admin", *code, "short"}, desk.now), Error);
  const auto session = desk.accounts.sign_in({"admin", *code, desk.kPassword}, desk.now);
  EXPECT_EQ(names_of(session.account.roles), std::vector<std::string>{"admin"});
  EXPECT_THROW(desk.accounts.sign_in({"admin", *code, ""}, desk.now), Error);
  EXPECT_NO_THROW(desk.accounts.sign_in({"admin", desk.kPassword, ""}, desk.now));
}

TEST(Accounts, FiveFailuresLockForAWhile) {
  Desk desk;
  desk.accounts.add("chen", desk.kPassword, static_cast<Roles>(Role::clinician));
  for (int i = 0; i < 5; ++i)
    EXPECT_THROW(desk.accounts.sign_in({"chen", "wrong", ""}, desk.now), Error);
  EXPECT_THROW(desk.accounts.sign_in({"chen", desk.kPassword, ""}, desk.now), Error);
  EXPECT_NO_THROW(desk.accounts.sign_in({"chen", desk.kPassword, ""}, desk.now + 16min));
}

TEST(Accounts, SessionsEndWhenIdleAndInAnyCase) {
  Desk desk;
  desk.accounts.add("chen", desk.kPassword, static_cast<Roles>(Role::clinician));
  const auto session = desk.accounts.sign_in({"chen", desk.kPassword, ""}, desk.now);
  EXPECT_TRUE(desk.accounts.session(session.id, desk.now + 14min));
  EXPECT_FALSE(desk.accounts.session(session.id, desk.now + 30min));
  const auto busy = desk.accounts.sign_in({"chen", desk.kPassword, ""}, desk.now);
  Time at = desk.now;
  for (; at < desk.now + 8h; at += 10min) EXPECT_TRUE(desk.accounts.session(busy.id, at));
  EXPECT_FALSE(desk.accounts.session(busy.id, at + 10min));
  EXPECT_FALSE(desk.accounts.session("", desk.now));
}

TEST(Accounts, TokensEndAndDieWithTheirAccount) {
  Desk desk;
  desk.accounts.add("ehr", desk.kPassword, static_cast<Roles>(Role::integrator));
  const std::string token = desk.accounts.add_token("ehr", "hooks", 10, desk.now);
  EXPECT_EQ(desk.accounts.token(token, desk.now + 24h)->name, "ehr");
  EXPECT_FALSE(desk.accounts.token(token, desk.now + 11 * 24h));
  EXPECT_FALSE(desk.accounts.token(token + "0", desk.now));
  desk.accounts.remove("ehr");
  EXPECT_FALSE(desk.accounts.token(token, desk.now));
}

TEST(Accounts, GlassIsBrokenForAnHour) {
  Desk desk;
  desk.accounts.add("chen", desk.kPassword, static_cast<Roles>(Role::clinician));
  EXPECT_FALSE(desk.accounts.cares_for("chen", PatientId(1), desk.now));
  desk.accounts.break_glass("chen", PatientId(1), desk.now);
  EXPECT_TRUE(desk.accounts.cares_for("chen", PatientId(1), desk.now + 59min));
  EXPECT_FALSE(desk.accounts.cares_for("chen", PatientId(1), desk.now + 61min));
  EXPECT_FALSE(desk.accounts.cares_for("chen", PatientId(2), desk.now));
  desk.accounts.add_care("chen", PatientId(1));
  EXPECT_TRUE(desk.accounts.cares_for("chen", PatientId(1), desk.now + 1000h));
}

}  // namespace
}  // namespace cangong
