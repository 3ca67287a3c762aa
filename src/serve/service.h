// The service: who asks is made sure of, what may be done looked up, the route's handler called,
// and every error given the form that its protocol wants.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/hospital.h"
#include "engine/jobs.h"
#include "serve/accounts.h"
#include "serve/config.h"
#include "serve/http.h"
#include "serve/scopes.h"
#include "serve/tallies.h"
#include "serve/watch.h"

namespace cangong {

struct Route;
class Alerts;
class Clients;
class Outbound;
class SignOn;
class Subscriptions;

// A patient as the record and as the trail name them.
struct Subject {
  PatientId number;
  std::string id;  // of the FHIR resource
};

// One request on its way through a handler.
struct Call {
  class Service& service;
  const Request& request;
  Account account;                 // name empty: nobody signed in
  std::vector<std::string> parts;  // what stands for the pattern's braces
  Asker asker;
  Time now;
  std::string session;  // the cookie, if any
  // Of a program's token: it reaches no further.
  std::optional<Scopes> scopes = {};

  Hospital& hospital() const;
  // The handler of a patient's data asks this first. Throws Fault::denied where the caller does not
  // care for the patient; that is recorded. Who does not see everybody does not learn either who is
  // there.
  Subject patient(const std::string& id) const;
  void require_patient(PatientId patient) const;
  bool sees_everybody() const;
};

// Ends a call with a status of its own; the message is for the caller.
struct HttpError {
  int status;
  std::string message;
  std::string where = {};  // FHIRPath
};

class Service {
 public:
  // Throws where the home or its configuration is damaged.
  explicit Service(const fs::path& home, ServiceConfig config);
  ~Service();

  Hospital& hospital();
  Accounts& accounts();
  const ServiceConfig& config() const;
  // Without a slash at its end.
  const std::string& public_url() const;
  void set_public_url(std::string url);

  HttpHandlers handlers();
  Response answer(const Request& request);

  struct Readiness {
    bool record = false;  // can be written
    std::size_t models = 0, not_served = 0;
    bool whole() const { return record && not_served == 0; }
  };
  Readiness readiness();
  // Prometheus text.
  std::string metrics();
  void count_answer(const ServedModel& model, const Answered& answered, double seconds);
  // What only this process can have written; good until it ends.
  std::string seal(const std::string& text) const;
  Tallies& tallies();
  Jobs& jobs();
  // The only way to another host.
  Outbound& outbound();
  Clients& clients();
  SignOn& sign_on();
  Alerts& alerts();
  Subscriptions& subscriptions();
  Watch& watch();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Throws 400 where JSON is nested deeper than 100 levels, before anyone walks it.
void require_shallow(std::string_view json);

// An error in the form that the address's protocol wants: OperationOutcome below /fhir, {"error"}
// below /v2, application/problem+json elsewhere.
// Throws 406 where `_format` asks for anything but JSON.
void require_json_format(const Pairs& parameters);
inline constexpr const char* kNotYours =
    "no such patient or resource, or of none that you care for; in an emergency: POST "
    "/auth/break-glass with a reason";
Response error_response(const std::string& path, const HttpError& error, const std::string& trace);

}  // namespace cangong
