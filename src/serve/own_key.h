// The key by which this home shows to others who it is: SMART Backend Services of theirs verify its
// assertions by the public half. ES384.
#pragma once

#include <memory>
#include <string>

#include "base/file.h"

namespace cangong {

class OwnKey {
 public:
  // Made, with mode 0600, where there is none. Throws Fault::denied where others may read it,
  // Fault::storage where it is no EC key of P-384.
  static OwnKey open(const fs::path& pem);
  ~OwnKey();
  OwnKey(OwnKey&&) noexcept;

  // Its public half as a JWKS (RFC 7517); the kid is its thumbprint (RFC 7638).
  std::string jwks() const;
  // A JSON Web Token of these claims, a JSON object.
  std::string sign(const std::string& claims) const;

 private:
  OwnKey();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cangong
