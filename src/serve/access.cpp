#include "serve/access.h"

#include <array>

namespace cangong {
namespace {

constexpr std::array<std::pair<std::string_view, Role>, 5> kRoles{{{"clinician", Role::clinician},
                                                                   {"scientist", Role::scientist},
                                                                   {"integrator", Role::integrator},
                                                                   {"admin", Role::admin},
                                                                   {"auditor", Role::auditor}}};

}  // namespace

std::optional<Role> role_named(std::string_view name) {
  for (const auto& [known, role] : kRoles)
    if (known == name) return role;
  return std::nullopt;
}

std::vector<std::string> names_of(Roles roles) {
  std::vector<std::string> names;
  for (const auto& [name, role] : kRoles)
    if (roles & static_cast<Roles>(role)) names.emplace_back(name);
  return names;
}

const char* name_of(Permission permission) {
  constexpr const char* kNames[] = {
      "anyone",    "signed_in",    "read_patients",  "write_patients", "predict",
      "ask_cards", "read_models",  "propose_models", "approve_models", "run_jobs",
      "train",     "read_metrics", "read_trail",     "manage",         "nobody"};
  return kNames[static_cast<int>(permission)];
}

}  // namespace cangong
