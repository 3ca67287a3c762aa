// Programs that sign for themselves (clients: in config.yaml): SMART Backend Services ask for a
// token, EHRs sign each call of CDS Hooks. No secret is shared with them.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "serve/accounts.h"
#include "serve/config.h"
#include "serve/outbound.h"
#include "serve/scopes.h"

namespace cangong {

// Of a token endpoint (RFC 6749, section 5.2).
struct OAuthError {
  std::string code, description;
};

// Safe for concurrent use.
class Clients {
 public:
  // What the clients need of the service.
  struct Parts {
    Hospital& hospital;
    Accounts& accounts;
    Outbound& outbound;
  };
  // Throws Fault::config where an entry cannot be.
  Clients(const std::vector<ClientConfig>& clients, const Parts& parts);
  ~Clients();

  struct Program {
    Account account;
    std::optional<Scopes> scopes;  // none: as far as the account's roles go
    std::string client;
  };

  // SMART Backend Services (SMART App Launch 2, "Client authentication: asymmetric").
  struct Asking {
    std::string assertion, scope;
    std::string url;  // of the token endpoint, which the assertion is for
  };
  struct Granted {
    Program program;
    std::string token;
    int seconds = 0;
  };
  // Throws OAuthError. A token does not outlive the process.
  Granted grant(const Asking& asking, const Asker& asker, Time now);
  // Nothing for a token that is unknown or over, or whose account is gone.
  std::optional<Program> token(const std::string& token, Time now);

  // A call of CDS Hooks 2.0 to `url`, by its JSON Web Token. Throws Fault::denied.
  Program caller(const std::string& jwt, const std::string& url, const Asker& asker, Time now);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cangong
