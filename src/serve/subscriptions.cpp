#include "serve/subscriptions.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "base/new_id.h"
#include "base/text.h"
#include "serve/prediction.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;
using namespace std::chrono_literals;

constexpr auto kBetweenHooks = 1s, kHookWithin = 5s;
constexpr auto kHookTried = std::chrono::hours(24);  // then it is given up
constexpr std::int64_t kMostTogether = 200, kMostKept = 100;

// `mark`: the number of the last version that was told; `failing`: since when, 0: not.
constexpr const char* kSubscriptionTables = R"(
CREATE TABLE IF NOT EXISTS subscription(id TEXT PRIMARY KEY, body TEXT NOT NULL, who TEXT NOT NULL,
  status TEXT NOT NULL, error TEXT NOT NULL, mark BIGINT NOT NULL, failing BIGINT NOT NULL,
  again BIGINT NOT NULL);
)";

struct Standing {
  Subscriptions::Kept kept;
  std::int64_t mark = 0, failing = 0, again = 0;
};

// A version of a resource that was written.
struct Version {
  std::int64_t number = 0;
  std::string id, body;
  std::optional<PatientId> patient;
};

}  // namespace

struct Subscriptions::State {
  Parts parts;
  std::mutex mutex = {};
  std::condition_variable_any changed = {};
  std::jthread worker = {};

  std::vector<Standing> rows(const std::string& condition, const Values& values) {
    std::vector<Standing> all;
    parts.hospital.live().read([&](Database& db) {
      db.each("SELECT id, body, who, status, error, mark, failing, again FROM subscription " +
                  condition + " ORDER BY id",
              values, [&](const Row& row) {
                all.push_back(
                    {{std::string(row.text(0)), std::string(row.text(1)), std::string(row.text(3)),
                      std::string(row.text(4)), std::string(row.text(2))},
                     row.integer(5),
                     row.integer(6),
                     row.integer(7)});
              });
    });
    return all;
  }

  // What has come since the mark and fits; `until`: how far was looked.
  std::vector<Version> news(const Hook& hook, std::int64_t mark, std::int64_t& until) {
    std::vector<Version> all;
    parts.hospital.live().read([&](Database& db) {
      until = db.integer("SELECT max(number) FROM resource").value_or(mark);
      std::string sql =
          "SELECT number, id, body, patient FROM resource WHERE number > ? AND number <= ? AND "
          "type = ? AND latest = 1 AND deleted = 0";
      Values values{mark, until, hook.type};
      if (!hook.codes.empty()) {
        sql +=
            " AND number IN (SELECT resource FROM term WHERE type = ? AND kind = 'code' AND "
            "text IN (";
        values.push_back(hook.type);
        for (std::size_t i = 0; i < hook.codes.size(); ++i) {
          sql += i ? ", ?" : "?";
          values.push_back(hook.codes[i]);
        }
        sql += "))";
      }
      sql += " ORDER BY number LIMIT ?";
      values.push_back(kMostTogether);
      db.each(sql, values, [&](const Row& row) {
        Version one{row.integer(0), std::string(row.text(1)), std::string(row.text(2)), {}};
        if (!row.is_null(3)) one.patient = PatientId(row.integer(3));
        all.push_back(std::move(one));
      });
    });
    if (all.size() == static_cast<std::size_t>(kMostTogether)) until = all.back().number;
    return all;
  }

  std::string answer(const Hook& hook, const Version& version, const Asker& asker) {
    const ModelPtr model = parts.hospital.answering_model(hook.model);
    const Hospital::Record record = parts.hospital.record(*version.patient);
    const std::string subject = parts.hospital.fhir_id(*version.patient);
    ExplainOptions explain;
    explain.method = "shap";
    const Answered answered = parts.hospital.ask({*model, record, subject, now(), explain}, asker);
    return prediction_bundle(*model, answered,
                             {"Patient/" + subject, parts.public_url, parts.config.organisation});
  }

  // Whether it was taken.
  bool tell(const Hook& hook, const Version& version, const Asker& asker) {
    OutboundRequest request;
    request.method = "POST", request.url = hook.endpoint, request.purpose = "subscription";
    request.within = kHookWithin, request.headers = hook.headers;
    if (!hook.model.empty()) {
      request.body = answer(hook, version, asker);
    } else if (hook.sends_resource) {
      request.method = "PUT", request.body = version.body;
      request.url += "/" + hook.type + "/" + version.id;
    }
    if (!request.body.empty())
      request.headers.emplace_back("Content-Type", "application/fhir+json");
    const int status = parts.outbound.ask(request, asker).status;
    return status >= 200 && status < 300;
  }

  void keep(const std::string& id, std::int64_t mark, std::int64_t failing, std::int64_t again) {
    parts.hospital.live().write([&](Database& db) {
      db.run("UPDATE subscription SET mark = ?, failing = ?, again = ? WHERE id = ?",
             {mark, failing, again, id});
    });
  }

  void end(const std::string& id, const char* status, const std::string& why) {
    parts.hospital.live().write([&](Database& db) {
      db.run("UPDATE subscription SET status = ?, error = ? WHERE id = ?", {status, why, id});
    });
  }

  // Of a patient who comes several times a model is asked once, at the last.
  static bool comes_again(const std::vector<Version>& all, std::size_t at) {
    return std::any_of(all.begin() + static_cast<std::ptrdiff_t>(at) + 1, all.end(),
                       [&](const Version& later) { return later.patient == all[at].patient; });
  }

  void look_at(const Standing& row, const std::stop_token& stop) {
    const auto account = parts.accounts.find(row.kept.by);
    if (!account || !allows(account->roles, Permission::write_patients))
      return end(row.kept.id, "off", "the account that asked for it may no longer");
    const Hook hook = hook_of(row.kept.body);
    const Asker asker{row.kept.by, "subscription " + row.kept.id, "", ""};
    std::int64_t until = row.mark, mark = row.mark;
    const std::vector<Version> all = news(hook, row.mark, until);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (stop.stop_requested()) return keep(row.kept.id, mark, row.failing, row.again);
      const bool passed_over = !hook.model.empty() && (!all[i].patient || comes_again(all, i));
      std::string why = "refused";
      bool taken = passed_over;
      try {
        taken = taken || tell(hook, all[i], asker);
      } catch (const Error& error) {
        if (error.fault == Fault::storage) throw;
        why = error.what();
      }
      if (!taken) return fail_at(row, mark, why);
      mark = all[i].number;
    }
    if (until != row.mark || row.failing != 0) keep(row.kept.id, until, 0, 0);
  }

  // Again after as long as it has been failing, ten minutes at most.
  void fail_at(const Standing& row, std::int64_t mark, const std::string& why) {
    const Time clock = now();
    const bool moved = mark != row.mark;
    const std::int64_t failing = row.failing == 0 || moved ? microseconds_of(clock) : row.failing;
    if (microseconds_of(clock) - failing > Duration(kHookTried).count())
      return end(row.kept.id, "error", why.substr(0, 200));
    const Duration wait =
        std::clamp(Duration(microseconds_of(clock) - failing), Duration(2s), Duration(10min));
    keep(row.kept.id, mark, failing, microseconds_of(clock + wait));
  }

  void work(const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      changed.wait_for(lock, stop, kBetweenHooks, [] { return false; });
      if (stop.stop_requested()) return;
      try {
        for (const Standing& row :
             rows("WHERE status = 'active' AND again <= ?", {microseconds_of(now())}))
          look_at(row, stop);
      } catch (const std::exception&) {
        // The record cannot be read or written now: later again.
      }
    }
  }
};

Subscriptions::Subscriptions(const Parts& parts) : state_(new State{parts}) {
  parts.hospital.live().write([](Database& db) { db.script(kSubscriptionTables); });
  state_->worker =
      std::jthread([state = state_.get()](const std::stop_token& stop) { state->work(stop); });
}
Subscriptions::~Subscriptions() = default;

Subscriptions::Kept Subscriptions::add(const std::string& body, const std::string& account,
                                       Time now) {
  const Hook hook = hook_of(body);
  if (!state_->parts.outbound.lists(hook.endpoint))
    fail(Fault::denied,
         "Subscription.channel.endpoint: its host is not in outbound: of config.yaml");
  if (!hook.model.empty()) (void)state_->parts.hospital.answering_model(hook.model);
  Json kept = Json::parse(body);
  kept.erase("id"), kept.erase("status"), kept.erase("meta"), kept.erase("error");
  Kept made{new_id(now), kept.dump(), "active", "", account};
  state_->parts.hospital.live().write([&](Database& db) {
    if (db.integer("SELECT count(*) FROM subscription").value_or(0) >= kMostKept)
      fail(Fault::input, "there are 100 subscriptions already");
    const auto last = db.integer("SELECT max(number) FROM resource").value_or(0);
    db.run("INSERT INTO subscription VALUES(?, ?, ?, 'active', '', ?, 0, 0)",
           {made.id, made.body, account, last});
  });
  return made;
}

std::optional<Subscriptions::Kept> Subscriptions::find(const std::string& id) {
  auto rows = state_->rows("WHERE id = ?", {id});
  return rows.empty() ? std::nullopt : std::optional(std::move(rows.front().kept));
}

std::vector<Subscriptions::Kept> Subscriptions::all() {
  std::vector<Kept> all;
  for (Standing& row : state_->rows("", {})) all.push_back(std::move(row.kept));
  return all;
}

void Subscriptions::remove(const std::string& id) {
  state_->parts.hospital.live().write(
      [&](Database& db) { db.run("DELETE FROM subscription WHERE id = ?", {id}); });
}

}  // namespace cangong
