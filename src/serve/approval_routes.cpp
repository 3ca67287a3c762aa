// Which model answers under a name: proposed by one person, approved by another; withdrawn, rolled
// back. Every word is in the trail of approvals and in that of the service.
#include <algorithm>
#include <mutex>

#include "base/error.h"
#include "base/new_id.h"
#include "base/text.h"
#include "engine/card_facts.h"
#include "registry/bundle.h"
#include "serve/json.h"

namespace cangong {
namespace {

// What is decided rests on what was read: one after the other.
std::mutex& one_at_a_time() {
  static std::mutex mutex;
  return mutex;
}

fs::path models_of(const Call& call) {
  return call.hospital().home().models();
}

std::string note_in(const Json& body) {
  const std::string note = text_in(body, "note");
  if (note.size() > 2000) throw HttpError{400, "the note is too long"};
  return note;
}

// A bundle of the home, by its digest: nothing else is ever looked for on disk.
Bundle bundle_in(const Call& call, const std::string& digest) {
  for (const Registered& one : list_bundles(models_of(call)))
    if (one.digest == digest) return Bundle::open(models_of(call) / one.digest);
  throw HttpError{404, "no such bundle among the models; GET /api/models/proposals lists them"};
}

void require_card(const Bundle& bundle) {
  const auto open = open_on_card(bundle);
  if (!open.empty())
    throw HttpError{422, "the model card is not complete; the recipe's card: lacks " +
                             join(open, ", ") + " (write \"none\" where there is none)"};
}

Json json_of(const Proposal& one) {
  Json json{{"id", one.id},
            {"name", one.wanted.name},
            {"bundle", one.wanted.bundle},
            {"by", one.wanted.by},
            {"at", one.wanted.at},
            {"note", one.wanted.note},
            {"state", name_of(one.state)}};
  if (one.state != Proposal::State::open) {
    json["decided_by"] = one.decided_by, json["decided_at"] = one.decided_at;
    json["decision_note"] = one.decision_note;
  }
  return json;
}

Json candidates(const Call& call) {
  Json all = Json::array();
  for (const Registered& one : list_bundles(models_of(call))) {
    Json json{{"bundle", one.digest}, {"aliases", one.aliases}, {"damaged", !one.problem.empty()}};
    try {
      json["card_lacks"] = open_on_card(Bundle::open(models_of(call) / one.digest));
    } catch (const Error&) {
      json["damaged"] = true;
    }
    all.push_back(std::move(json));
  }
  return all;
}

}  // namespace

Response list_proposals(Call& call) {
  constexpr std::size_t kMost = 100;
  Json all = Json::array();
  const auto known = proposals(models_of(call));
  for (auto at = known.rbegin(); at != known.rend() && all.size() < kMost; ++at)
    all.push_back(json_of(*at));
  return json_response({{"proposals", all},
                        {"second_approval", call.service.config().second_approval},
                        {"bundles", candidates(call)}});
}

Response propose_model(Call& call) {
  const Json body = body_of(call, {"name", "bundle", "note"});
  const std::lock_guard alone(one_at_a_time());
  const Bundle bundle = bundle_in(call, text_in(body, "bundle"));
  require_card(bundle);
  Proposal proposal;
  proposal.id = new_id(call.now);
  proposal.wanted = {text_in(body, "name"), bundle.digest(), call.account.name,
                     format_time(call.now), note_in(body)};
  check_approval_name(proposal.wanted.name);
  note(call, "propose_model",
       {{"name", proposal.wanted.name}, {"model", bundle.digest()}, {"proposal", proposal.id}});
  propose(models_of(call), proposal);
  return json_response(json_of(proposal), 201);
}

Response decide_proposal(Call& call) {
  const Json body = body_of(call, {"decision", "note"});
  const std::string word = text_in(body, "decision");
  if (word != "approve" && word != "refuse") throw HttpError{400, "decision is approve or refuse"};
  const std::lock_guard alone(one_at_a_time());
  const auto known = proposals(models_of(call));
  const auto found = std::find_if(known.begin(), known.end(),
                                  [&](const Proposal& one) { return one.id == call.parts[0]; });
  if (found == known.end()) throw HttpError{404, "no such proposal"};
  if (word == "approve") require_card(bundle_in(call, found->wanted.bundle));
  note(call, "decide_proposal",
       {{"proposal", found->id},
        {"name", found->wanted.name},
        {"model", found->wanted.bundle},
        {"decision", word}});
  decide(models_of(call),
         {found->id, call.account.name, format_time(call.now), note_in(body),
          word == "approve" ? Proposal::State::approved : Proposal::State::refused},
         call.service.config().second_approval ? Needs::second_person : Needs::one_person);
  return {204, "", ""};
}

// One person is enough: who doubts a model stops it at once.
Response withdraw_model(Call& call) {
  const Json body = body_of(call, {"note"});
  const std::lock_guard alone(one_at_a_time());
  const Approval known = call.hospital().approval(call.parts[0]);
  note(call, "withdraw_model", {{"name", known.name}, {"model", known.bundle}});
  approve(models_of(call),
          {known.name, "", call.account.name, format_time(call.now), note_in(body), "withdrawal"});
  return {204, "", ""};
}

// One person is enough: what is rolled back to was approved before.
Response roll_back_model(Call& call) {
  const Json body = body_of(call, {"bundle", "note"});
  const std::string digest = text_in(body, "bundle");
  const std::lock_guard alone(one_at_a_time());
  std::string name = call.parts[0];
  if (name.find('@') == std::string::npos) name += "@champion";
  const auto history = approval_history(models_of(call));
  const bool before = std::any_of(history.begin(), history.end(), [&](const Approval& one) {
    return one.name == name && one.bundle == digest && !digest.empty();
  });
  if (!before) throw HttpError{400, "that bundle was never approved under this name"};
  const Bundle bundle = bundle_in(call, digest);
  note(call, "roll_back_model", {{"name", name}, {"model", digest}});
  approve(models_of(call),
          {name, digest, call.account.name, format_time(call.now), note_in(body), "rollback"});
  return {204, "", ""};
}

}  // namespace cangong
