// Who may do what. A route names one permission; this table says which roles have it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cangong {

enum class Role : unsigned {
  clinician = 1,
  scientist = 2,
  integrator = 4,
  admin = 8,
  auditor = 16
};

enum class Permission {
  anyone,          // without signing in
  signed_in,       // whoever has an account
  read_patients,   // the records of patients
  write_patients,  // adds to them and corrects them
  predict,         // asks a model about a patient
  ask_cards,       // CDS Hooks, as an EHR does
  read_models,
  propose_models,  // says which model should answer under a name
  approve_models,  // says that it may; withdraws and rolls back
  run_jobs,        // starts and ends long work
  train,           // makes and judges models
  read_metrics,
  read_trail,
  manage,  // accounts, tokens, care teams
  nobody,  // not from outside
};

// A set of roles.
using Roles = unsigned;

constexpr Roles operator|(Role a, Role b) {
  return static_cast<Roles>(a) | static_cast<Roles>(b);
}
constexpr Roles operator|(Roles a, Role b) {
  return a | static_cast<Roles>(b);
}

constexpr Roles kEveryRole =
    Role::clinician | Role::scientist | Role::integrator | Role::admin | Role::auditor;

// Administrators and auditors see no patient; clinicians those whom they care for.
constexpr Roles roles_with(Permission permission) {
  switch (permission) {
    case Permission::anyone:
    case Permission::signed_in:
      return kEveryRole;
    case Permission::read_patients:
    case Permission::predict:
      return Role::clinician | Role::integrator;
    case Permission::write_patients:
    case Permission::ask_cards:
      return static_cast<Roles>(Role::integrator);
    case Permission::read_models:
      return kEveryRole;
    case Permission::propose_models:
      return Role::scientist | Role::admin;
    case Permission::approve_models:
      return static_cast<Roles>(Role::admin);
    case Permission::run_jobs:
      return Role::scientist | Role::integrator | Role::admin;
    case Permission::train:
      return Role::scientist | Role::admin;
    case Permission::read_metrics:
      return Role::integrator | Role::admin | Role::auditor;
    case Permission::read_trail:
      return Role::admin | Role::auditor;
    case Permission::manage:
      return static_cast<Roles>(Role::admin);
    case Permission::nobody:
      break;
  }
  return 0;
}

constexpr bool allows(Roles roles, Permission permission) {
  return (roles & roles_with(permission)) != 0;
}

// "clinician"; nothing for an unknown word.
std::optional<Role> role_named(std::string_view name);
std::vector<std::string> names_of(Roles roles);
const char* name_of(Permission permission);

}  // namespace cangong
