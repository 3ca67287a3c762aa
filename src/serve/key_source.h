// The public keys of someone who signs: from a file of the home, or from where they publish them.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "serve/jwt.h"
#include "serve/outbound.h"

namespace cangong {

// Keys that were fetched are kept as long as their Cache-Control says, five minutes where it says
// nothing and an hour at most; a token that they do not fit has them fetched anew, once a minute,
// by one while the others go on. What failed is not tried for a minute.
// Safe for concurrent use.
class KeySource {
 public:
  // `where`: a JWKS file, from `home`, or an https URL of a listed host.
  KeySource(std::string where, fs::path home);

  // Throws Fault::denied where the token is none of theirs, or the keys cannot be had.
  Jwt verify(const std::string& token, std::span<const JwtAlgorithm> allowed, Outbound& outbound,
             const Asker& asker, Time now);
  const std::string& where() const { return where_; }

 private:
  enum class Wanted { kept, anew };
  std::shared_ptr<const KeySet> keys(Wanted wanted, Outbound& outbound, const Asker& asker,
                                     Time now);
  struct Fetched {
    std::shared_ptr<const KeySet> keys;
    Time at, good_until;
  };
  Fetched fetch(Outbound& outbound, const Asker& asker, Time now) const;

  const std::string where_;
  const fs::path home_;
  std::mutex mutex_, fetching_;
  Fetched kept_;
  std::optional<Time> failed_;
};

bool is_https(std::string_view where);

}  // namespace cangong
