// HOME/config.yaml: what an administrator decides. `cangong config` prints it with every option.
#pragma once

#include <string>
#include <vector>

#include "base/config.h"

namespace cangong {

// What a card that warns offers to order.
struct CardSuggestion {
  static constexpr bool is_config = true;
  std::string label, system, code, where;
  template <class V>
  void visit(V& v) {
    v("label", label, "in words: Repeat creatinine in 6 hours");
    v("system", system, "of the code: http://loinc.org");
    v("code", code, "what to order");
  }
};

// Above which answer of a model a card warns; who says so stands in `reason`.
struct CardThreshold {
  static constexpr bool is_config = true;
  std::string model, reason, where;
  double warning = 1, critical = 1;
  std::vector<CardSuggestion> suggestions;
  template <class V>
  void visit(V& v) {
    v("model", model, "the name under which it is approved, without @champion");
    v("warning", warning, "cards warn from this answer on (0 to 1)");
    v("critical", critical, "cards are critical from this answer on");
    v("reason", reason, "who decided so, and on what ground; shown on the card");
    v("suggestions", suggestions, "label, system, code: what a card that warns offers to order");
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

// A program that signs for itself: SMART Backend Services, or an EHR that asks CDS Hooks.
struct ClientConfig {
  static constexpr bool is_config = true;
  std::string id, keys, account, scopes, where;
  template <class V>
  void visit(V& v) {
    v("id", id, "client_id of SMART Backend Services; iss of an EHR's signed CDS Hooks calls");
    v("keys", keys, "its public keys: a JWKS file, from HOME, or an https URL of a listed host");
    v("account", account, "whose roles and patients it has here");
    v("scopes", scopes,
      "what it may ask a token for (system/Observation.rs system/Patient.rs); default: none");
  }
};

// Whom people may sign in with instead of a password kept here.
struct SignOnConfig {
  static constexpr bool is_config = true;
  std::string name, issuer, client_id, client_secret_file, where;
  std::string account_claim = "preferred_username", kind = "oidc";
  template <class V>
  void visit(V& v) {
    v("name", name, "shown to people: hospital");
    v("kind", kind, "oidc: people choose it; smart: an EHR launches with it (SMART App Launch)");
    v("issuer", issuer, "https URL of the issuer; of kind smart: the FHIR server's");
    v("client_id", client_id, "this service's id there");
    v("client_secret_file", client_secret_file,
      "file of mode 0600 with its secret there, from HOME; default: a public client");
    v("account_claim", account_claim, "claim with the name that the account has here");
  }
};

// Another system whose Bulk Data export is pulled into the live record.
struct BulkSourceConfig {
  static constexpr bool is_config = true;
  std::string name, url, client_id, token_url, group, types, where;
  std::string scopes = "system/*.rs";
  template <class V>
  void visit(V& v) {
    v("name", name, "of the source: cangong pull HOME NAME");
    v("url", url, "https URL of its FHIR server, of a listed host");
    v("client_id", client_id,
      "this service's id there (SMART Backend Services); default: no token");
    v("token_url", token_url, "where tokens are given; default: what the server says");
    v("scopes", scopes, "asked for");
    v("group", group, "id of the Group whose patients are exported; default: everybody");
    v("types", types, "Patient,Observation: types of resources; default: all");
  }
};

// Where alerts are sent.
struct AlertTarget {
  static constexpr bool is_config = true;
  std::string url, secret_file, where;
  template <class V>
  void visit(V& v) {
    v("url", url, "https URL of a listed host; JSON is posted there");
    v("secret_file", secret_file,
      "file of mode 0600, from HOME: signs what is sent (X-Cangong-Signature, HMAC-SHA-256)");
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
  std::vector<ClientConfig> clients;
  std::vector<std::string> origins;
  std::vector<SignOnConfig> sign_on;
  std::vector<AlertTarget> alerts;
  std::vector<BulkSourceConfig> sources;
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
    v("cards", cards, "model, warning, critical, reason, suggestions: where CDS Hooks cards warn");
    v("clients", clients,
      "id, keys, account, scopes: programs that sign for themselves (SMART Backend Services, CDS "
      "Hooks)");
    v("sign_on", sign_on,
      "name, kind, issuer, client_id, client_secret_file, account_claim: whom people may sign in "
      "with");
    v("sources", sources,
      "name, url, client_id, token_url, scopes, group, types: whose Bulk Data export `cangong "
      "pull` "
      "and the job pull take");
    v("alerts", alerts, "url, secret_file: who is told of drift, failed jobs, and their end");
    v("origins", origins,
      "web pages elsewhere that may ask CDS Hooks, such as https://ehr.example.org");
    v("outbound", outbound, "host, ca: whom the service may ask over HTTPS; no one else");
  }
};

// Throws Fault::config with file and line; the defaults where there is no file.
ServiceConfig load_service_config(const fs::path& file);
// The file that a first start writes: every option, commented out.
std::string commented_config();

}  // namespace cangong
