#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cli/args.h"
#include "engine/hospital.h"
#include "serve/accounts.h"
#include "serve/live_database.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

// A line of standard input; what is typed is not shown.
std::string secret_line(const char* prompt) {
  termios old{};
  const bool terminal = ::isatty(STDIN_FILENO) && ::tcgetattr(STDIN_FILENO, &old) == 0;
  if (terminal) {
    std::fputs(prompt, stderr);
    termios quiet = old;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  std::string line;
  std::getline(std::cin, line);
  if (terminal) {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
    std::fputs("\n", stderr);
  }
  return line;
}

Roles roles_of(const std::string& text) {
  Roles roles = 0;
  for (const auto name : split(text, ',')) {
    const auto role = role_named(trim(name));
    if (!role) throw UsageError{"--roles: clinician, scientist, integrator, admin, auditor"};
    roles = roles | *role;
  }
  return roles;
}

int add(const Args& args, Hospital& hospital, Accounts& accounts) {
  const std::string name = args.positional(2);
  const Roles roles = roles_of(args.need("--roles"));
  accounts.add(name, secret_line("password: "), roles);
  hospital.note({"(command line)", "", "", ""}, "add_account",
                Json{{"account", name}, {"roles", names_of(roles)}}.dump());
  return kOk;
}

int token(const Args& args, Hospital& hospital, Accounts& accounts) {
  const std::string name = args.positional(2);
  const auto days = parse_integer(args.get("--days", "90"));
  if (!days || *days < 1 || *days > 3660) throw UsageError{"--days is 1 to 3660"};
  const std::string made =
      accounts.add_token(name, args.get("--label", ""), static_cast<int>(*days), now());
  hospital.note({"(command line)", "", "", ""}, "add_token",
                Json{{"account", name}, {"label", args.get("--label", "")}}.dump());
  std::puts(args.flag("--json") ? Json{{"token", made}, {"days", *days}}.dump().c_str()
                                : made.c_str());
  return kOk;
}

int list(const Args& args, Accounts& accounts) {
  Json all = Json::array();
  for (const Account& account : accounts.list()) {
    all.push_back({{"name", account.name}, {"roles", names_of(account.roles)}});
    if (!args.flag("--json"))
      std::printf("%-20s %s\n", account.name.c_str(), join(names_of(account.roles), ", ").c_str());
  }
  if (args.flag("--json")) std::puts(Json{{"accounts", all}}.dump().c_str());
  return kOk;
}

}  // namespace

int run_account(const Args& args) {
  const std::string what = args.positional(0);
  const Home home{args.positional(1)};
  home.require();
  Hospital hospital(home.path, live_database(home));
  Accounts accounts(hospital.live(), {});
  if (what == "list") return list(args, accounts);
  if (what == "add") return add(args, hospital, accounts);
  if (what == "token") return token(args, hospital, accounts);
  if (what == "remove") {
    accounts.remove(args.positional(2));
    hospital.note({"(command line)", "", "", ""}, "remove_account",
                  Json{{"account", args.positional(2)}}.dump());
    return kOk;
  }
  throw UsageError{"account list, add, token or remove"};
}

}  // namespace cangong
