// HOME/config.yaml: what an administrator decides. `cangong config` prints it with every option.
#pragma once

#include <string>
#include <vector>

#include "base/config.h"

namespace cangong {

// Above which answer of a model a card warns; who says so stands in `reason`.
struct CardThreshold {
  static constexpr bool is_config = true;
  std::string model, reason, where;
  double warning = 1, critical = 1;
  template <class V>
  void visit(V& v) {
    v("model", model, "the name under which it is approved, without @champion");
    v("warning", warning, "cards warn from this answer on (0 to 1)");
    v("critical", critical, "cards are critical from this answer on");
    v("reason", reason, "who decided so, and on what ground; shown on the card");
  }
};

// A host that the service may ask.
struct OutboundHost {
  static constexpr bool is_config = true;
  std::string host, ca, where;
  template <class V>
  void visit(V& v) {
    v("host", host, "name and port, such as ehr.example.org:443");
    v("ca", ca, "file with its authority's certificates (PEM), from HOME; default: the system's");
  }
};

// A share of the patients who are answered by NAME@challenger instead.
struct ChallengerTrial {
  static constexpr bool is_config = true;
  std::string model, where;
  double share = 0;
  template <class V>
  void visit(V& v) {
    v("model", model, "the name under which both are approved, without @");
    v("share", share, "of the patients, 0 to 1; the same patients each time");
  }
};

struct ServiceConfig {
  static constexpr bool is_config = true;
  std::string listen = "127.0.0.1", public_url, organisation = "this hospital";
  std::string patient_access = "care_team", database, database_password_file;
  std::size_t port = 8443, workers = 16, most_connections = 1000;
  std::size_t minutes_idle = 15, hours_signed_in = 8, failures_before_lock = 5, minutes_locked = 15;
  bool second_approval = true;
  std::vector<CardThreshold> cards;
  std::vector<OutboundHost> outbound;
  std::vector<ChallengerTrial> trials;
  template <class V>
  void visit(V& v) {
    v("listen", listen,
      "address to listen at: 127.0.0.1 is this machine alone, 0.0.0.0 the network");
    v("port", port, "to listen at");
    v("public_url", public_url,
      "how others reach it (https://ai.example.org); default: listen:port");
    v("organisation", organisation, "named on cards and in resources");
    v("patient_access", patient_access,
      "care_team: clinicians see the patients of their care teams; all: every patient");
    v("database", database,
      "PostgreSQL that keeps the live record (host=... dbname=... user=...); default: "
      "HOME/live.db");
    v("database_password_file", database_password_file,
      "file of mode 0600 with its password, alone or as in ~/.pgpass; from HOME where relative");
    v("workers", workers, "requests worked on at once");
    v("most_connections", most_connections, "more are refused");
    v("minutes_idle", minutes_idle, "after which a session is over");
    v("hours_signed_in", hours_signed_in, "after which it is over in any case");
    v("failures_before_lock", failures_before_lock, "wrong passwords that lock an account");
    v("minutes_locked", minutes_locked, "how long");
    v("second_approval", second_approval,
      "a model that was proposed is approved by another person than who proposed it");
    v("trials", trials, "model, share: patients who are answered by NAME@challenger");
    v("cards", cards, "model, warning, critical, reason: where CDS Hooks cards warn");
    v("outbound", outbound, "host, ca: whom the service may ask over HTTPS; no one else");
  }
};

// Throws Fault::config with file and line; the defaults where there is no file.
ServiceConfig load_service_config(const fs::path& file);
// The file that a first start writes: every option, commented out.
std::string commented_config();

}  // namespace cangong
