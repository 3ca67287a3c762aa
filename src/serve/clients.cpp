#include "serve/clients.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <unordered_map>

#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"
#include "serve/key_source.h"

namespace cangong {
namespace {

using namespace std::chrono_literals;

constexpr std::array kClientAlgorithms{JwtAlgorithm::rs384, JwtAlgorithm::es384};
constexpr int kSeconds = 300;  // of a token
constexpr auto kLongestAssertion = 5min, kLongestCall = 60min, kClientLeeway = 1min;
constexpr std::size_t kMostTokens = 10'000, kLongestId = 200;

// What was signed once counts once, also where the service was started again between.
constexpr const char* kClientTables = R"(
CREATE TABLE IF NOT EXISTS assertion(client TEXT NOT NULL, id TEXT NOT NULL, until BIGINT NOT NULL,
  PRIMARY KEY(client, id));
)";

void check_keys(const ClientConfig& config, const fs::path& home) {
  try {
    KeySet::parse(read_file(home / config.keys));
  } catch (const Error& error) {
    fail(Fault::config, config.where + ": keys: " + error.what());
  }
}

[[noreturn]] void refuse(const std::string& why) {
  fail(Fault::denied, why);
}

}  // namespace

struct Clients::State {
  struct Client {
    ClientConfig config;
    std::optional<Scopes> scopes;
    std::unique_ptr<KeySource> keys;
  };
  struct Token {
    std::string client;
    Scopes scopes;
    Time until;
  };
  Parts parts;
  std::map<std::string, Client> clients = {};  // by id; not changed later
  std::mutex mutex = {};
  std::unordered_map<Digest, Token> tokens = {};  // by the token's digest
  Time swept = {};

  const Client& client_of(const Jwt& told) const {
    const auto found = clients.find(told.issuer);
    if (found == clients.end()) refuse("iss is no client that is registered (clients:)");
    return found->second;
  }

  // Signed by the client, for this address, for the first time.
  void check(const Client& client, const std::string& text, const std::string& url,
             std::chrono::seconds longest, const Asker& asker, Time now) {
    const Jwt jwt = client.keys->verify(text, kClientAlgorithms, parts.outbound, asker, now);
    if (lower(jwt.type) != "jwt") refuse("its typ is not JWT");
    if (!jwt.jku.empty() && jwt.jku != client.keys->where())
      refuse("its jku is not the address that is registered");
    if (jwt.kid.empty()) refuse("it has no kid");
    if (std::find(jwt.audience.begin(), jwt.audience.end(), url) == jwt.audience.end())
      refuse("its aud is not " + url);
    if (*jwt.expires > now + longest + kClientLeeway) refuse("its exp lies too far ahead");
    if (jwt.id.empty() || jwt.id.size() > kLongestId) refuse("it has no jti of 1 to 200 letters");
    require_first(client.config.id, jwt.id, *jwt.expires + kClientLeeway, now);
  }

  void require_first(const std::string& client, const std::string& id, Time until, Time now) {
    bool sweep = false;
    {
      const std::lock_guard lock(mutex);
      if (now > swept + 1min) swept = now, sweep = true;
    }
    std::int64_t added = 0;
    parts.hospital.live().write([&](Database& db) {
      if (sweep) db.run("DELETE FROM assertion WHERE until < ?", {microseconds_of(now)});
      added = db.run("INSERT INTO assertion VALUES(?, ?, ?) ON CONFLICT DO NOTHING",
                     {client, id, microseconds_of(until)});
    });
    if (added == 0) refuse("its jti was used before");
  }

  Program program_of(const Client& client, std::optional<Scopes> scopes) {
    const auto account = parts.accounts.find(client.config.account);
    if (!account) refuse("the client's account does not exist");
    return {*account, std::move(scopes), client.config.id};
  }
};

Clients::Clients(const std::vector<ClientConfig>& clients, const Parts& parts)
    : state_(new State{parts}) {
  const fs::path& home = parts.hospital.home().path;
  for (const ClientConfig& config : clients) {
    const auto require = [&](bool holds, const std::string& rule) {
      if (!holds) fail(Fault::config, config.where + ": " + rule);
    };
    require(!config.id.empty() && !config.keys.empty() && !config.account.empty(),
            "a client has id, keys and account");
    State::Client client{config, Scopes::parse(config.scopes),
                         std::make_unique<KeySource>(config.keys, home)};
    require(config.scopes.empty() || client.scopes,
            "scopes are words such as system/Observation.rs");
    if (is_https(config.keys))
      require(parts.outbound.lists(config.keys), "the host of its keys is not in outbound:");
    else
      check_keys(config, home);
    require(state_->clients.emplace(config.id, std::move(client)).second,
            "there are two clients of this id");
  }
  parts.hospital.live().write([](Database& db) { db.script(kClientTables); });
}
Clients::~Clients() = default;

Clients::Granted Clients::grant(const Asking& asking, const Asker& asker, Time now) {
  Granted granted;
  try {
    const Jwt told = read_unverified(asking.assertion);
    const State::Client& client = state_->client_of(told);
    if (told.subject != told.issuer) refuse("its sub is not its iss");
    state_->check(client, asking.assertion, asking.url, kLongestAssertion, asker, now);
    if (!client.scopes)
      throw OAuthError{"unauthorized_client", "the client has no scopes registered"};
    const auto wanted = Scopes::parse(asking.scope);
    if (!wanted) throw OAuthError{"invalid_scope", "scope is words such as system/Observation.rs"};
    if (!wanted->within(*client.scopes))
      throw OAuthError{"invalid_scope", "the client is registered for: " + client.scopes->text()};
    granted.program = state_->program_of(client, *wanted);
  } catch (const Error& error) {
    if (error.fault != Fault::denied && error.fault != Fault::input) throw;
    throw OAuthError{"invalid_client", error.what()};
  }
  granted.token = "cgs_" + hexadecimal(random_bytes(32)), granted.seconds = kSeconds;
  const std::lock_guard lock(state_->mutex);
  std::erase_if(state_->tokens, [&](const auto& one) { return one.second.until <= now; });
  if (state_->tokens.size() >= kMostTokens)
    throw OAuthError{"temporarily_unavailable", "too many tokens are out; try again later"};
  state_->tokens[digest_of(granted.token)] = {granted.program.client, *granted.program.scopes,
                                              now + std::chrono::seconds(kSeconds)};
  return granted;
}

std::optional<Clients::Program> Clients::token(const std::string& token, Time now) {
  State::Token found;
  {
    const std::lock_guard lock(state_->mutex);
    const auto place = state_->tokens.find(digest_of(token));
    if (place == state_->tokens.end() || place->second.until <= now) return std::nullopt;
    found = place->second;
  }
  const State::Client& client = state_->clients.at(found.client);
  const auto account = state_->parts.accounts.find(client.config.account);
  if (!account) return std::nullopt;
  return Program{*account, found.scopes, found.client};
}

Clients::Program Clients::caller(const std::string& jwt, const std::string& url, const Asker& asker,
                                 Time now) {
  try {
    const State::Client& client = state_->client_of(read_unverified(jwt));
    state_->check(client, jwt, url, kLongestCall, asker, now);
    return state_->program_of(client, std::nullopt);
  } catch (const Error& error) {
    if (error.fault == Fault::input) refuse(error.what());
    throw;
  }
}

}  // namespace cangong
