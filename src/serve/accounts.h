// People and programs that may ask: local accounts, API tokens, sessions, care teams.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/database.h"
#include "base/identifier.h"
#include "base/time.h"
#include "serve/access.h"
#include "serve/second_factor.h"

namespace cangong {

struct Account {
  std::string name;
  Roles roles = 0;
};

struct AccountLimits {
  int failures_before_lock = 5, minutes_locked = 15;
  int minutes_idle = 15, hours_at_most = 8;  // of a session
  int minutes_of_break_glass = 60;
};

// Passwords are kept as scrypt (RFC 7914, N = 2^15, r = 8, p = 1), tokens and sessions as SHA-256.
class Accounts {
 public:
  Accounts(DatabasePool& database, AccountLimits limits);
  ~Accounts();

  // The code for the first sign-in, if there is no account yet: it is the password of "admin" once.
  std::optional<std::string> first_code();

  // Throws Fault::input for a name or password that is too weak, or a name that is taken.
  void add(const std::string& name, const std::string& password, Roles roles);
  // Ends its sessions and tokens too.
  void remove(const std::string& name);
  std::vector<Account> list();
  std::optional<Account> find(const std::string& name);

  struct SignIn {
    std::string name, password;
    std::string new_password = {};  // where the old one may be used once only
    std::string code = {};          // of the second factor, where there is one
  };
  struct Session {
    std::string id;    // the cookie
    std::string csrf;  // to be sent back with each change
    Account account;
  };
  // Throws Fault::denied with one message for every failure but a password that has to be changed
  // and, beside the right password, a code that is missing.
  Session sign_in(const SignIn& who, Time now);
  // Of whom another authority has made sure. Throws Fault::denied where there is no such account,
  // or it is locked.
  Session begin_session(const std::string& name, Time now);
  void sign_out(const std::string& session);
  SecondFactors& factors();
  // Throws Fault::denied where the password is wrong; that counts as a failed sign-in.
  void require_password(const std::string& name, const std::string& password, Time now);
  // Confirms the second factor, or takes it away, by its code; a wrong one counts as a failed
  // sign-in, and none is looked at while the account is locked. Throws Fault::denied.
  enum class FactorChange { confirm, remove };
  void change_factor(const std::string& name, const std::string& code, FactorChange change,
                     Time now);
  // Nothing where there is none, or it is over.
  std::optional<Session> session(const std::string& id, Time now);

  // The token is told once. `days`: until it ends.
  std::string add_token(const std::string& account, const std::string& label, int days, Time now);
  std::optional<Account> token(const std::string& token, Time now);

  // Whether someone cares for a patient, or has broken the glass.
  bool cares_for(const std::string& account, PatientId patient, Time now);
  void add_care(const std::string& account, PatientId patient);
  std::vector<PatientId> patients_of(const std::string& account, Time now);
  void remove_care(const std::string& account, PatientId patient);
  void break_glass(const std::string& account, PatientId patient, Time now);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Without telling by its time where two texts differ.
bool same_secret(std::string_view a, std::string_view b);

}  // namespace cangong
