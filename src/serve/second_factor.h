// A code beside the password: time-based one-time passwords (RFC 6238: SHA-1, 30 seconds, six
// digits), as every authenticator app makes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/database.h"
#include "base/time.h"

namespace cangong {

// Six digits for a step of 30 seconds since 1970; `key` as bytes.
std::string one_time_code(std::string_view key, std::uint64_t step);
// RFC 4648, without padding.
std::string base32(std::string_view bytes);

// Of accounts. Safe for concurrent use.
class SecondFactors {
 public:
  explicit SecondFactors(DatabasePool& database);

  // A new secret in base 32. It is asked for only after confirm(). Throws Fault::input where the
  // account has a second factor already.
  std::string begin(const std::string& account);
  // Whether the code is that of the secret, which is asked for from then on.
  bool confirm(const std::string& account, const std::string& code, Time now);
  bool has(const std::string& account);
  // Each code is good once, a step early or late.
  bool accepts(const std::string& account, const std::string& code, Time now);
  void remove(const std::string& account);

 private:
  bool check(Database& db, const std::string& account, const std::string& code, Time now);

  DatabasePool& database_;
};

}  // namespace cangong
