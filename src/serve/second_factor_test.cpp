#include "serve/second_factor.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/test_database.h"
#include "serve/accounts.h"

namespace cangong {
namespace {

TEST(SecondFactor, CodesAreThoseOfTheStandard) {
  // RFC 6238, appendix B (SHA-1), the last six of its eight digits.
  const std::string key = "12345678901234567890";
  EXPECT_EQ(one_time_code(key, 59 / 30), "287082");
  EXPECT_EQ(one_time_code(key, 1111111109 / 30), "081804");
  EXPECT_EQ(one_time_code(key, 1234567890 / 30), "005924");
  EXPECT_EQ(one_time_code(key, 20000000000 / 30), "353130");
  // RFC 4648, section 10.
  EXPECT_EQ(base32("foobar"), "MZXW6YTBOI");
  EXPECT_EQ(base32("fooba"), "MZXW6YTB");
}

std::string bytes_of(std::string_view text) {
  std::string bytes;
  unsigned held = 0;
  int bits = 0;
  for (const char c : text) {
    held = (held << 5) | static_cast<unsigned>(c >= 'A' ? c - 'A' : c - '2' + 26);
    if ((bits += 5) >= 8) bytes += static_cast<char>((held >> (bits -= 8)) & 255);
  }
  return bytes;
}

// An account that has begun a second factor.
struct FactorDesk {
  TestDatabase live;
  DatabasePool pool{live.at()};
  Accounts accounts{pool, {}};
  const Time now{std::chrono::seconds(1'700'000'010)};
  std::string key;
  FactorDesk() {
    accounts.add("wu", "a long enough password", static_cast<Roles>(Role::clinician));
    key = bytes_of(accounts.factors().begin("wu"));
  }
  std::string code(int later) const {
    return one_time_code(key, static_cast<std::uint64_t>(1'700'000'010 / 30 + later));
  }
};

TEST(SecondFactor, IsAskedForAtSignIn) {
  FactorDesk desk;
  Accounts& accounts = desk.accounts;
  const Time now = desk.now;
  const auto sign_in = [&](const std::string& given, Time when) {
    return accounts.sign_in({"wu", "a long enough password", "", given}, when);
  };
  EXPECT_NO_THROW(sign_in("", now)) << "not confirmed yet";
  EXPECT_FALSE(accounts.factors().confirm("wu", "000000", now));
  EXPECT_TRUE(accounts.factors().confirm("wu", desk.code(0), now));
  EXPECT_THROW(accounts.factors().begin("wu"), Error);
  EXPECT_THROW(sign_in("", now), Error);
  EXPECT_THROW(sign_in(desk.code(0), now), Error) << "each code is good once";
  EXPECT_NO_THROW(sign_in(desk.code(1), now)) << "a step early";
  EXPECT_THROW(sign_in(desk.code(4), now), Error);
  EXPECT_NO_THROW(sign_in(desk.code(2), now + std::chrono::seconds(60)));
  accounts.factors().remove("wu");
  EXPECT_NO_THROW(sign_in("", now));
}

TEST(SecondFactor, WrongCodesLock) {
  FactorDesk desk;
  Accounts& accounts = desk.accounts;
  const Time now = desk.now;
  EXPECT_TRUE(accounts.factors().confirm("wu", desk.code(0), now));
  for (int i = 0; i < 5; ++i)
    EXPECT_THROW(accounts.sign_in({"wu", "a long enough password", "", "123456"}, now), Error);
  EXPECT_THROW(accounts.sign_in({"wu", "a long enough password", "", desk.code(1)}, now), Error);
}

TEST(SecondFactor, GuessesAtItsRemovalLockToo) {
  FactorDesk desk;
  Accounts& accounts = desk.accounts;
  const Time now = desk.now;
  EXPECT_TRUE(accounts.factors().confirm("wu", desk.code(0), now));
  for (int i = 0; i < 5; ++i)
    EXPECT_THROW(accounts.change_factor("wu", "123456", Accounts::FactorChange::remove, now),
                 Error);
  const std::string right = desk.code(1);
  EXPECT_THROW(accounts.change_factor("wu", right, Accounts::FactorChange::remove, now), Error);
  EXPECT_TRUE(accounts.factors().has("wu"));
  EXPECT_THROW(accounts.require_password("wu", "a long enough password", now), Error);
}

}  // namespace
}  // namespace cangong
