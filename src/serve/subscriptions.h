// Who wants to hear of new resources, and of what a model says then: FHIR R4 Subscriptions with a
// REST hook. Each is told in the order of arrival, at least once.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/hospital.h"
#include "serve/accounts.h"
#include "serve/config.h"
#include "serve/outbound.h"

namespace cangong {

// What of a Subscription matters here.
struct Hook {
  std::string type;                // of the resources
  std::vector<std::string> codes;  // "system|code" or "code"; none: all
  std::string endpoint;
  Pairs headers;
  bool sends_resource = false;  // payload: the resource is PUT to endpoint/Type/id
  std::string model;            // asked about the patient; its answer is POSTed
};
// The extension of a Subscription that names a model (valueString).
inline constexpr const char* kPredictExtension = "/StructureDefinition/predict-model";
// Throws Fault::input, naming the field, where it is none that can be kept.
Hook hook_of(const std::string& subscription);

// Safe for concurrent use.
class Subscriptions {
 public:
  struct Parts {
    Hospital& hospital;
    Accounts& accounts;
    Outbound& outbound;
    const ServiceConfig& config;
    const std::string& public_url;
  };
  explicit Subscriptions(const Parts& parts);
  ~Subscriptions();

  struct Kept {
    std::string id, body;  // as it was sent, without id and status
    std::string status;    // active, error, off
    std::string error, by;
  };
  // Throws Fault::input where it cannot be kept, Fault::denied where its host is not listed.
  Kept add(const std::string& body, const std::string& account, Time now);
  std::optional<Kept> find(const std::string& id);
  std::vector<Kept> all();
  // Nothing where there is none.
  void remove(const std::string& id);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cangong
