#include "serve/alerts.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/digest.h"
#include "base/error.h"
#include "base/secret_file.h"
#include "base/text.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;
using namespace std::chrono_literals;

constexpr auto kBetweenAlerts = 10min, kFirstLook = 2min;
constexpr auto kTried = std::chrono::hours(24);
constexpr std::size_t kMostLetters = 100;  // in one look, to one address

// Alerts that hold, and what is still to be told of them to whom.
constexpr const char* kAlertTables = R"(
CREATE TABLE IF NOT EXISTS alert(name TEXT PRIMARY KEY, kind TEXT NOT NULL, model TEXT NOT NULL,
  body TEXT NOT NULL, since BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS alert_letter(name TEXT NOT NULL, state TEXT NOT NULL, url TEXT NOT NULL,
  at BIGINT NOT NULL, body TEXT NOT NULL, PRIMARY KEY(name, state, url, at));
)";

const Asker kService{"(service)", "", "", ""};

struct Letter {
  std::string name, state, url, body;
  std::int64_t at = 0;
};

}  // namespace

struct Alerts::State {
  struct Target {
    std::string url, secret;
  };
  Parts parts;
  std::string organisation;
  std::vector<Target> targets = {};
  std::mutex looking = {}, mutex = {};
  std::condition_variable_any changed = {};
  std::jthread worker = {};

  std::vector<Alert> kept(Database& db) {
    std::vector<Alert> all;
    db.each("SELECT name, kind, model, body, since FROM alert ORDER BY since, name", {},
            [&](const Row& row) {
              all.push_back({std::string(row.text(0)), std::string(row.text(1)),
                             std::string(row.text(2)), std::string(row.text(3)),
                             Time(Duration(row.integer(4)))});
            });
    return all;
  }

  void write_letters(Database& db, const Alert& alert, const char* state, Time now) {
    const std::string body = Json{
        {"alert", alert.kind},
        {"state", state},
        {"about", alert.model},
        {"text", alert.text},
        {"since", format_time(alert.since)},
        {"at", format_time(now)},
        {"organisation",
         organisation}}.dump(-1, ' ', false, Json::error_handler_t::replace);
    for (const Target& target : targets)
      db.run("INSERT INTO alert_letter VALUES(?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
             {alert.key, state, target.url, microseconds_of(now), body});
  }

  Looked compare(Time now) {
    std::map<std::string, Alert> found;
    for (Alert& alert : alerts_of(parts.hospital, parts.tallies, now))
      found.emplace(alert.key, std::move(alert));
    Looked looked;
    parts.hospital.live().write([&](Database& db) {
      looked = {};
      std::map<std::string, Alert> before;
      for (Alert& alert : kept(db)) before.emplace(alert.key, std::move(alert));
      for (auto& [key, alert] : found) {
        if (before.contains(key)) continue;
        alert.since = now, ++looked.begun;
        db.run("INSERT INTO alert VALUES(?, ?, ?, ?, ?)",
               {key, alert.kind, alert.model, alert.text, microseconds_of(now)});
        write_letters(db, alert, "begun", now);
      }
      for (const auto& [key, alert] : before) {
        if (found.contains(key)) continue;
        ++looked.over;
        db.run("DELETE FROM alert WHERE name = ?", {key});
        write_letters(db, alert, "over", now);
      }
      db.run("DELETE FROM alert_letter WHERE at < ?", {microseconds_of(now - kTried)});
    });
    return looked;
  }

  // Of each address the oldest: one that is away keeps nothing from the others.
  std::vector<Letter> letters() {
    std::vector<Letter> all;
    parts.hospital.live().read([&](Database& db) {
      for (const Target& target : targets)
        db.each(
            "SELECT name, state, body, at FROM alert_letter WHERE url = ? ORDER BY at, name "
            "LIMIT ?",
            {target.url, static_cast<std::int64_t>(kMostLetters)}, [&](const Row& row) {
              all.push_back({std::string(row.text(0)), std::string(row.text(1)), target.url,
                             std::string(row.text(2)), row.integer(3)});
            });
    });
    return all;
  }

  bool send(const Letter& letter) {
    OutboundRequest request;
    request.method = "POST", request.url = letter.url, request.body = letter.body;
    request.purpose = "alert", request.within = 5s;
    request.headers = {{"Content-Type", "application/json"}};
    for (const Target& target : targets)
      if (target.url == letter.url && !target.secret.empty())
        request.headers.emplace_back("X-Cangong-Signature",
                                     "sha256=" + hmac_sha256(target.secret, letter.body));
    try {
      const int status = parts.outbound.ask(request, kService).status;
      return status >= 200 && status < 300;
    } catch (const Error& error) {
      if (error.fault == Fault::storage) throw;
      return false;  // not listed any more, or nobody there: again later
    }
  }

  // Nobody is waited for twice in one look.
  void send_all(Looked& looked) {
    std::map<std::string, bool> away;
    for (const Letter& letter : letters()) {
      if (away[letter.url] || !send(letter)) {
        away[letter.url] = true, ++looked.waiting;
        continue;
      }
      ++looked.sent;
      parts.hospital.live().write([&](Database& db) {
        db.run("DELETE FROM alert_letter WHERE name = ? AND state = ? AND url = ? AND at = ?",
               {letter.name, letter.state, letter.url, letter.at});
      });
    }
  }

  void work(const std::stop_token& stop, Alerts& alerts) {
    std::unique_lock lock(mutex);
    for (auto wait = kFirstLook; !stop.stop_requested(); wait = kBetweenAlerts) {
      changed.wait_for(lock, stop, wait, [] { return false; });
      if (stop.stop_requested()) return;
      try {
        alerts.look(now());
      } catch (const std::exception&) {
        // The record cannot be read or written now: later again.
      }
    }
  }
};

Alerts::Alerts(const ServiceConfig& config, const Parts& parts)
    : state_(new State{parts, config.organisation}) {
  for (const AlertTarget& target : config.alerts) {
    if (!parts.outbound.lists(target.url))
      fail(Fault::config, target.where + ": the host of the url is not in outbound:");
    std::string secret;
    if (!target.secret_file.empty())
      at_place(target.where + ": secret_file",
               [&] { secret = read_secret(parts.hospital.home().path / target.secret_file); });
    state_->targets.push_back({target.url, secret});
  }
  parts.hospital.live().write([](Database& db) { db.script(kAlertTables); });
  state_->worker = std::jthread([this](const std::stop_token& stop) { state_->work(stop, *this); });
}
Alerts::~Alerts() = default;

Alerts::Looked Alerts::look(Time now) {
  const std::lock_guard alone(state_->looking);
  Looked looked = state_->compare(now);
  state_->send_all(looked);
  return looked;
}

std::vector<Alert> Alerts::current() {
  std::vector<Alert> all;
  state_->parts.hospital.live().read([&](Database& db) { all = state_->kept(db); });
  return all;
}

}  // namespace cangong
