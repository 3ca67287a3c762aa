// What the files of CDS Hooks share: the request, checked and completed, and the cards.
#pragma once

#include <string>
#include <vector>

#include "serve/json.h"
#include "serve/prediction.h"

namespace cangong {

struct HookRequest {
  std::string hook, instance, patient;
  std::vector<std::string> resources;  // of the prefetch, and what was fetched in its place
  bool has_data = false;               // else the record is asked
  std::vector<std::string> orders;     // drafts, as they would stand once they are placed
  bool about_orders() const { return hook != "patient-view"; }
};

// Whether drafts of orders can change what the model says: it is asked about them too.
bool looks_at_orders(const Pipeline& pipeline);

// Throws 400 where the request is none, 412 where what the model needs is neither sent nor can be
// fetched from the EHR (fhirServer, where an administrator listed it).
HookRequest hook_request(Call& call, const ServedModel& model);

// `patient`: as the EHR names whom its orders are for.
Json answer_card(const Call& call, const Got& got, const std::string& patient);
// What the orders change; null where that is too little to speak of.
Json orders_card(const Call& call, const Got& without, const Got& with);

}  // namespace cangong
