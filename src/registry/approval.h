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
};

// Throws Fault::input where the name is not like "sepsis@champion".
void check_approval_name(const std::string& name);

// Records the approval, then points the name at the bundle.
void approve(const fs::path& models, const Approval& approval);

// The last word about each name, in order of name; withdrawn ones are left out. Throws
// Fault::storage where the trail does not hold.
std::vector<Approval> approvals(const fs::path& models);
// Every word, oldest first.
std::vector<Approval> approval_history(const fs::path& models);

fs::path approvals_file(const fs::path& models);

}  // namespace cangong
