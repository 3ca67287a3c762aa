#include "serve/accounts.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <array>
#include <mutex>
#include <unordered_map>

#include "base/digest.h"
#include "base/error.h"
#include "base/pattern.h"
#include "base/text.h"

namespace cangong {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kShortestPassword = 12, kLongestPassword = 200;
constexpr std::size_t kMostSessions = 10000;

constexpr const char* kAccountTables = R"(
CREATE TABLE IF NOT EXISTS account(name TEXT PRIMARY KEY, salt TEXT NOT NULL, hash TEXT NOT NULL,
  roles BIGINT NOT NULL, once INT NOT NULL, failures INT NOT NULL, locked_until BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS token(digest TEXT PRIMARY KEY, account TEXT NOT NULL,
  label TEXT NOT NULL, expires BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS care(account TEXT NOT NULL, patient BIGINT NOT NULL,
  until BIGINT NOT NULL, PRIMARY KEY(account, patient));
)";

constexpr std::int64_t kForever = INT64_MAX;

// Hexadecimal digits of scrypt's 32 bytes.
std::string scrypt(const std::string& password, const std::string& salt) {
  EVP_KDF* kdf = EVP_KDF_fetch(nullptr, "SCRYPT", nullptr);
  EVP_KDF_CTX* context = EVP_KDF_CTX_new(kdf);
  std::uint64_t n = 1 << 15;
  std::uint32_t r = 8, p = 1;
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, const_cast<char*>(password.data()),
                                        password.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, const_cast<char*>(salt.data()),
                                        salt.size()),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
      OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
      OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
      OSSL_PARAM_construct_end()};
  std::array<unsigned char, 32> out{};
  const int done = EVP_KDF_derive(context, out.data(), out.size(), parameters);
  EVP_KDF_CTX_free(context);
  EVP_KDF_free(kdf);
  ensure(done == 1, "scrypt is available");
  return hexadecimal({reinterpret_cast<const char*>(out.data()), out.size()});
}

std::string secret() {
  return hexadecimal(random_bytes(32));
}

void check_password(const std::string& password, const std::string& name) {
  if (password.size() < kShortestPassword || password.size() > kLongestPassword)
    fail(Fault::input, "a password has 12 to 200 characters");
  if (lower(password).find(lower(name)) != std::string::npos)
    fail(Fault::input, "a password does not contain the account's name");
}

struct Stored {
  std::string salt, hash;
  Roles roles = 0;
  bool once = false;
  std::int64_t failures = 0, locked_until = 0;
};

std::optional<Stored> stored_account(Database& db, const std::string& name) {
  std::optional<Stored> found;
  db.each(
      "SELECT salt, hash, roles, once, failures, locked_until FROM account WHERE name = ?", {name},
      [&](const Row& row) {
        found = Stored{
            std::string(row.text(0)), std::string(row.text(1)), static_cast<Roles>(row.integer(2)),
            row.integer(3) != 0,      row.integer(4),           row.integer(5)};
      });
  return found;
}

void insert(Database& db, const std::string& name, const std::string& password, Roles roles,
            std::int64_t once) {
  const std::string salt = random_bytes(16);
  const std::string hash = scrypt(password, salt);
  const std::string kept = hexadecimal(salt);
  db.run("INSERT INTO account VALUES(?, ?, ?, ?, ?, 0, 0)",
         {name, kept, hash, static_cast<std::int64_t>(roles), once});
}

}  // namespace

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

struct Accounts::State {
  struct Kept {
    Session session;
    Time made, last;
    std::string hash;  // of the password with which it began
  };
  DatabasePool& database;
  AccountLimits limits;
  SecondFactors factors{database};
  std::mutex mutex = {};
  std::unordered_map<Digest, Kept> sessions = {};  // by the digest of their id

  void count_failure(const std::string& name, Time now) {
    database.write([&](Database& db) {
      db.run("UPDATE account SET failures = failures + 1 WHERE name = ?", {name});
      db.run("UPDATE account SET failures = 0, locked_until = ? WHERE name = ? AND failures >= ?",
             {microseconds_of(now + std::chrono::minutes(limits.minutes_locked)), name,
              std::int64_t{limits.failures_before_lock}});
    });
  }
  // Who may try a secret now.
  Stored require_unlocked(const std::string& name, Time now) {
    std::optional<Stored> known;
    database.read([&](Database& db) { known = stored_account(db, name); });
    if (!known || known->locked_until > microseconds_of(now))
      fail(Fault::denied, "the account is locked for some minutes");
    return *known;
  }
  bool is_over(const Kept& kept, Time now) const {
    return now - kept.last > std::chrono::minutes(limits.minutes_idle) ||
           now - kept.made > std::chrono::hours(limits.hours_at_most);
  }
  // `hash`: of the password with which it begins.
  Session begin(Account account, std::string hash, Time now) {
    Session session{secret(), secret(), std::move(account)};
    const std::lock_guard lock(mutex);
    forget_over(now);
    if (sessions.size() >= kMostSessions)
      fail(Fault::denied, "too many people are signed in; try again later");
    sessions[digest_of(session.id)] = {session, now, now, std::move(hash)};
    return session;
  }
  void forget_over(Time now) {
    std::erase_if(sessions, [&](const auto& entry) { return is_over(entry.second, now); });
  }
};

Accounts::Accounts(DatabasePool& database, AccountLimits limits)
    : state_(new State{database, limits}) {
  database.write([](Database& db) { db.script(kAccountTables); });
}
Accounts::~Accounts() = default;

std::optional<std::string> Accounts::first_code() {
  std::optional<std::string> code;
  state_->database.write([&](Database& db) {
    if (db.integer("SELECT count(*) FROM account").value_or(0) > 0) return;
    code = hexadecimal(random_bytes(10));
    insert(db, "admin", *code, static_cast<Roles>(Role::admin), 1);
  });
  return code;
}

void Accounts::add(const std::string& name, const std::string& password, Roles roles) {
  static const Pattern kName = Pattern::require("^[a-z][a-z0-9._-]{1,62}$", "names of accounts");
  if (!kName.in(name))
    fail(Fault::input,
         "an account's name has 2 to 63 small letters, digits, \".\", \"_\" or \"-\"");
  if (!roles) fail(Fault::input, "an account has at least one role");
  check_password(password, name);
  state_->database.write([&](Database& db) {
    if (stored_account(db, name)) fail(Fault::input, "there is an account of that name");
    insert(db, name, password, roles, 0);
  });
}

void Accounts::remove(const std::string& name) {
  state_->database.write([&](Database& db) {
    if (db.run("DELETE FROM account WHERE name = ?", {name}) == 0)
      fail(Fault::missing, "there is no account of that name");
    db.run("DELETE FROM token WHERE account = ?", {name});
    db.run("DELETE FROM care WHERE account = ?", {name});
    db.run("DELETE FROM second_factor WHERE account = ?", {name});
  });
  const std::lock_guard lock(state_->mutex);
  std::erase_if(state_->sessions,
                [&](const auto& entry) { return entry.second.session.account.name == name; });
}

std::vector<Account> Accounts::list() {
  std::vector<Account> all;
  state_->database.read([&](Database& db) {
    db.each("SELECT name, roles FROM account ORDER BY name", {}, [&](const Row& row) {
      all.push_back({std::string(row.text(0)), static_cast<Roles>(row.integer(1))});
    });
  });
  return all;
}

std::optional<Account> Accounts::find(const std::string& name) {
  std::optional<Stored> known;
  state_->database.read([&](Database& db) { known = stored_account(db, name); });
  return known ? std::optional(Account{name, known->roles}) : std::nullopt;
}

Accounts::Session Accounts::sign_in(const SignIn& who, Time now) {
  std::optional<Stored> known;
  state_->database.read([&](Database& db) { known = stored_account(db, who.name); });
  // An unknown name takes as long as a known one.
  const std::string salt = known ? from_hexadecimal(known->salt).value_or("") : "no such account";
  const bool right = same_secret(scrypt(who.password.substr(0, kLongestPassword), salt),
                                 known ? known->hash : std::string(64, ' '));
  const bool locked = known && known->locked_until > microseconds_of(now);
  const bool coded = right && !locked && state_->factors.has(who.name);
  if (coded && who.code.empty())
    fail(Fault::denied, "the code of your second factor is needed too (code)");
  if (!right || locked || (coded && !state_->factors.accepts(who.name, who.code, now))) {
    if (known && !locked) state_->count_failure(who.name, now);
    fail(Fault::denied, "name or password is wrong, or the account is locked for some minutes");
  }
  if (known->once) {
    if (who.new_password.empty())
      fail(Fault::denied, "this password is good for one sign-in: choose a new one (new_password)");
    if (who.new_password == who.password) fail(Fault::input, "choose another password");
    check_password(who.new_password, who.name);
  }
  std::string hash = known->hash;
  state_->database.write([&](Database& db) {
    db.run("UPDATE account SET failures = 0 WHERE name = ?", {who.name});
    if (!known->once) return;
    const std::string fresh = random_bytes(16), kept = hexadecimal(fresh);
    hash = scrypt(who.new_password, fresh);
    db.run("UPDATE account SET salt = ?, hash = ?, once = 0 WHERE name = ?",
           {kept, hash, who.name});
  });
  return state_->begin({who.name, known->roles}, hash, now);
}

Accounts::Session Accounts::begin_session(const std::string& name, Time now) {
  std::optional<Stored> known;
  state_->database.read([&](Database& db) { known = stored_account(db, name); });
  if (!known)
    fail(Fault::denied,
         "you have no account here; an administrator makes it, with the name that "
         "you have there");
  known = state_->require_unlocked(name, now);
  return state_->begin({name, known->roles}, known->hash, now);
}

void Accounts::sign_out(const std::string& session) {
  const std::lock_guard lock(state_->mutex);
  state_->sessions.erase(digest_of(session));
}

SecondFactors& Accounts::factors() {
  return state_->factors;
}

void Accounts::require_password(const std::string& name, const std::string& password, Time now) {
  const Stored known = state_->require_unlocked(name, now);
  const std::string salt = from_hexadecimal(known.salt).value_or("");
  if (same_secret(scrypt(password.substr(0, kLongestPassword), salt), known.hash)) return;
  state_->count_failure(name, now);
  fail(Fault::denied, "the password is wrong");
}

void Accounts::change_factor(const std::string& name, const std::string& code, FactorChange change,
                             Time now) {
  (void)state_->require_unlocked(name, now);
  const bool done = change == FactorChange::confirm ? state_->factors.confirm(name, code, now)
                                                    : state_->factors.accepts(name, code, now);
  if (!done) {
    state_->count_failure(name, now);
    fail(Fault::denied, "the code is not that of the secret; is the device's clock right?");
  }
  if (change == FactorChange::remove) state_->factors.remove(name);
}

std::optional<Accounts::Session> Accounts::session(const std::string& id, Time now) {
  State::Kept kept;
  {
    const std::lock_guard lock(state_->mutex);
    const auto found = state_->sessions.find(digest_of(id));
    if (found == state_->sessions.end()) return std::nullopt;
    if (state_->is_over(found->second, now)) {
      state_->sessions.erase(found);
      return std::nullopt;
    }
    found->second.last = now;
    kept = found->second;
  }
  // An account that was removed or changed elsewhere (the command line) has no session.
  std::optional<Stored> known;
  state_->database.read(
      [&](Database& db) { known = stored_account(db, kept.session.account.name); });
  if (!known || known->hash != kept.hash) {
    sign_out(id);
    return std::nullopt;
  }
  kept.session.account.roles = known->roles;
  return kept.session;
}

std::string Accounts::add_token(const std::string& account, const std::string& label, int days,
                                Time now) {
  if (days < 1 || days > 3660) fail(Fault::input, "a token lasts 1 to 3660 days");
  const std::string token = "cgt_" + secret();
  const Digest digest = digest_of(token);
  state_->database.write([&](Database& db) {
    if (!stored_account(db, account)) fail(Fault::missing, "there is no account of that name");
    db.run("INSERT INTO token VALUES(?, ?, ?, ?)",
           {digest, account, label, microseconds_of(now + std::chrono::days(days))});
  });
  return token;
}

std::optional<Account> Accounts::token(const std::string& token, Time now) {
  std::optional<Account> found;
  const Digest digest = digest_of(token);
  state_->database.read([&](Database& db) {
    db.each(
        "SELECT a.name, a.roles FROM token t JOIN account a ON a.name = t.account "
        "WHERE t.digest = ? AND t.expires > ?",
        {digest, microseconds_of(now)}, [&](const Row& row) {
          found = Account{std::string(row.text(0)), static_cast<Roles>(row.integer(1))};
        });
  });
  return found;
}

bool Accounts::cares_for(const std::string& account, PatientId patient, Time now) {
  bool cares = false;
  state_->database.read([&](Database& db) {
    cares = db.integer("SELECT 1 FROM care WHERE account = ? AND patient = ? AND until > ?",
                       {account, patient.for_storage(), microseconds_of(now)})
                .has_value();
  });
  return cares;
}

namespace {

void keep_care(DatabasePool& database, const std::string& account, PatientId patient,
               std::int64_t until) {
  database.write([&](Database& db) {
    if (!stored_account(db, account)) fail(Fault::missing, "there is no account of that name");
    db.run(
        "INSERT INTO care VALUES(?, ?, ?) ON CONFLICT(account, patient) DO UPDATE SET "
        "until = CASE WHEN excluded.until > care.until THEN excluded.until ELSE care.until END",
        {account, patient.for_storage(), until});
  });
}

}  // namespace

void Accounts::add_care(const std::string& account, PatientId patient) {
  keep_care(state_->database, account, patient, kForever);
}

std::vector<PatientId> Accounts::patients_of(const std::string& account, Time now) {
  std::vector<PatientId> all;
  state_->database.read([&](Database& db) {
    db.each("SELECT patient FROM care WHERE account = ? AND until > ?",
            {account, microseconds_of(now)},
            [&](const Row& row) { all.push_back(PatientId(row.integer(0))); });
  });
  return all;
}

void Accounts::remove_care(const std::string& account, PatientId patient) {
  state_->database.write([&](Database& db) {
    db.run("DELETE FROM care WHERE account = ? AND patient = ?", {account, patient.for_storage()});
  });
}

void Accounts::break_glass(const std::string& account, PatientId patient, Time now) {
  keep_care(state_->database, account, patient,
            microseconds_of(now + std::chrono::minutes(state_->limits.minutes_of_break_glass)));
}

}  // namespace cangong
