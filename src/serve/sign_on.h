// Signing in with an account that is kept elsewhere: OpenID Connect, and SMART App Launch from an
// EHR. Others say who it is; what the account may do stays here.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "serve/config.h"
#include "serve/outbound.h"

namespace cangong {

// Authorization code with PKCE (RFC 7636, S256), state, nonce and a cookie of the browser that
// began. Safe for concurrent use.
class SignOn {
 public:
  struct Parts {
    Hospital& hospital;
    Outbound& outbound;
  };
  // Throws Fault::config where an entry cannot be.
  SignOn(const std::vector<SignOnConfig>& providers, const Parts& parts);
  ~SignOn();

  // Names of those whom a person may choose.
  std::vector<std::string> names() const;

  struct Begun {
    std::string url;      // where the browser goes
    std::string browser;  // a secret for its cookie
  };
  // Throws Fault::missing for an unknown name or where the other side cannot be reached.
  Begun begin(const std::string& name, const std::string& back_to, const Asker& asker, Time now);
  // From an EHR: `issuer` is its FHIR server, `launch` what it gave along.
  Begun launch(const std::string& issuer, const std::string& launch, const std::string& back_to,
               const Asker& asker, Time now);

  struct Arrived {
    std::string account, provider;
    std::string patient = {};  // of a launch: the id of the FHIR resource
  };
  // Good once. Throws Fault::denied.
  Arrived finish(const std::string& state, const std::string& code, const std::string& browser,
                 const Asker& asker, Time now);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cangong
