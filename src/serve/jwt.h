// JSON Web Tokens (RFC 7515, 7519) that others signed, and the keys of theirs (RFC 7517). Nothing
// here signs, and no secret is shared: RSA and ECDSA alone.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/base64.h"
#include "base/time.h"

namespace cangong {

enum class JwtAlgorithm { rs256, rs384, es256, es384 };

// Public keys of one signer.
class KeySet {
 public:
  // A JWKS as text, 64 KB and 100 keys at most. Keys of other kinds, or for encryption, are passed
  // over. Throws Fault::input where it is none, where a key is broken, weak (RSA below 2,048 bits)
  // or private, and where none is left.
  static KeySet parse(std::string_view jwks);
  ~KeySet();
  KeySet(KeySet&&) noexcept;
  KeySet& operator=(KeySet&&) noexcept;

  std::size_t size() const;

 private:
  friend struct JwtCheck;
  struct Key;
  KeySet();
  std::vector<Key> keys_;
};

// What a token says; claims that are absent are empty.
struct Jwt {
  JwtAlgorithm algorithm = JwtAlgorithm::rs256;
  std::string kid, type, jku;
  std::string issuer, subject, id, nonce;
  std::vector<std::string> audience;
  std::optional<Time> expires, issued, not_before;
  std::string claims;  // the whole, as JSON
};

// Its parts, of a token that nobody verified: for finding whose keys to verify it with. Sizes are
// looked at before anything is decoded (16 KB at most). Throws Fault::input; the message says which
// rule was broken and repeats nothing of the token. "none", HMAC and critical headers are refused.
Jwt read_unverified(std::string_view token);

// Verified: exactly one key has the token's kid (or there is no kid, and one key of that kind) and
// fits its algorithm, the signature is right, and the time is between nbf and exp, which has to be
// there, a minute's leeway on each side. Throws Fault::denied.
Jwt verify_jwt(std::string_view token, const KeySet& keys, std::span<const JwtAlgorithm> allowed,
               Time now);

}  // namespace cangong
