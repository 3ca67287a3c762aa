// Which models may answer under which name: "sepsis@champion". An approval is a record in a chained
// trail beside the models, and the trail alone counts; the link of that name is for people.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "registry/bundle.h"

namespace cangong {

struct Approval {
  std::string name;  // "sepsis@champion"
  Digest bundle;     // empty: withdrawn
  std::string by, at, note;
  // direct: by one who owns the folder, alone; second_person; rollback; withdrawal.
  std::string how = "direct";
  std::string proposed_by = {};
};

// A bundle that somebody wants to answer under a name.
struct Proposal {
  enum class State { open, approved, refused };
  std::string id;
  Approval wanted;  // `by`, `at` and `note` are those of who proposed
  State state = State::open;
  std::string decided_by = {}, decided_at = {}, decision_note = {};
};
const char* name_of(Proposal::State state);

// Throws Fault::input where the name is not like "sepsis@champion".
void check_approval_name(const std::string& name);

// Records the approval, then points the name at the bundle.
void approve(const fs::path& models, const Approval& approval);

// The last word about each name, in order of name; withdrawn ones are left out. Throws
// Fault::storage where the trail does not hold.
std::vector<Approval> approvals(const fs::path& models);
// Every word, oldest first.
std::vector<Approval> approval_history(const fs::path& models);

// In the same trail. Throws as approve() does.
void propose(const fs::path& models, const Proposal& proposal);
// Oldest first.
std::vector<Proposal> proposals(const fs::path& models);
// By another than who proposed, where `needs` says so (else Fault::denied). Throws Fault::missing
// where there is no such open proposal.
enum class Needs { second_person, one_person };
struct Decision {
  std::string proposal, by, at, note;
  Proposal::State state = Proposal::State::approved;
};
void decide(const fs::path& models, const Decision& decision, Needs needs);

fs::path approvals_file(const fs::path& models);

}  // namespace cangong
