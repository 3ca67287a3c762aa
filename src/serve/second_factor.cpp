#include "serve/second_factor.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstdio>

#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"
#include "serve/accounts.h"

namespace cangong {
namespace {

constexpr const char* kSecondFactorTables = R"(
CREATE TABLE IF NOT EXISTS second_factor(account TEXT PRIMARY KEY, secret TEXT NOT NULL,
  confirmed INT NOT NULL, last BIGINT NOT NULL);
)";
constexpr std::int64_t kSecondsOfStep = 30;

std::int64_t step_of(Time now) {
  return std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count() / kSecondsOfStep;
}

}  // namespace

std::string base32(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string text;
  unsigned held = 0;
  int bits = 0;
  for (const char byte : bytes) {
    held = (held << 8) | static_cast<unsigned char>(byte);
    for (bits += 8; bits >= 5;) text += kDigits[(held >> (bits -= 5)) & 31];
  }
  if (bits > 0) text += kDigits[(held << (5 - bits)) & 31];
  return text;
}

std::string one_time_code(std::string_view key, std::uint64_t step) {
  std::array<unsigned char, 8> counter{};
  for (std::size_t i = 0; i < 8; ++i)
    counter[i] = static_cast<unsigned char>(step >> (8 * (7 - i)));
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  if (!HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), counter.data(), counter.size(),
            mac.data(), &size))
    fail(Fault::internal, "HMAC-SHA-1");
  const unsigned at = mac[size - 1] & 15;
  const std::uint32_t number = (mac[at] & 0x7fu) << 24 | mac[at + 1] << 16 | mac[at + 2] << 8 |
                               static_cast<unsigned>(mac[at + 3]);
  char text[16];
  std::snprintf(text, sizeof text, "%06u", number % 1'000'000);
  return text;
}

SecondFactors::SecondFactors(DatabasePool& database) : database_(database) {
  database_.write([](Database& db) { db.script(kSecondFactorTables); });
}

std::string SecondFactors::begin(const std::string& account) {
  const std::string secret = random_bytes(20), kept = hexadecimal(secret);
  database_.write([&](Database& db) {
    if (db.integer("SELECT 1 FROM second_factor WHERE account = ? AND confirmed = 1", {account}))
      fail(Fault::input, "the account has a second factor; remove it first");
    db.run("DELETE FROM second_factor WHERE account = ?", {account});
    db.run("INSERT INTO second_factor VALUES(?, ?, 0, 0)", {account, kept});
  });
  return base32(secret);
}

// One transaction: another secret may come at any time.
bool SecondFactors::confirm(const std::string& account, const std::string& code, Time now) {
  bool good = false;
  database_.write([&](Database& db) {
    good = check(db, account, code, now);
    if (good) db.run("UPDATE second_factor SET confirmed = 1 WHERE account = ?", {account});
  });
  return good;
}

bool SecondFactors::has(const std::string& account) {
  bool found = false;
  database_.read([&](Database& db) {
    found = db.integer("SELECT 1 FROM second_factor WHERE account = ? AND confirmed = 1", {account})
                .has_value();
  });
  return found;
}

bool SecondFactors::accepts(const std::string& account, const std::string& code, Time now) {
  bool good = false;
  database_.write([&](Database& db) { good = check(db, account, code, now); });
  return good;
}

bool SecondFactors::check(Database& db, const std::string& account, const std::string& code,
                          Time now) {
  std::string key;
  std::int64_t last = 0;
  db.each("SELECT secret, last FROM second_factor WHERE account = ?", {account},
          [&](const Row& row) {
            key = from_hexadecimal(row.text(0)).value_or("");
            last = row.integer(1);
          });
  if (key.empty()) return false;
  for (std::int64_t step = step_of(now) - 1; step <= step_of(now) + 1; ++step) {
    if (step <= last || !same_secret(one_time_code(key, static_cast<std::uint64_t>(step)), code))
      continue;
    db.run("UPDATE second_factor SET last = ? WHERE account = ?", {step, account});
    return true;
  }
  return false;
}

void SecondFactors::remove(const std::string& account) {
  database_.write(
      [&](Database& db) { db.run("DELETE FROM second_factor WHERE account = ?", {account}); });
}

}  // namespace cangong
