// What addresses take and give, for /openapi.json: one line for each beside the table of routes.
#pragma once

#include <string>
#include <string_view>

#include "serve/route.h"

namespace cangong {

// `query`, `body` and `answer` are shapes: fields with a blank between, each NAME, `!` where it is
// always there, and `:KIND` where it is no text. Kinds are int, num, bool, any, {FIELDS}, [KIND],
// and
// `?` behind one that may be null. Empty: nothing. A body knows no
// other fields than these, but where it ends in "...".
struct Described {
  std::string route;  // "POST /auth/sign-in"
  int status = 200;   // of the answer, where all goes well
  std::string query, body, answer;
  std::string gives = "application/json";  // where it is another, `answer` is empty
  std::string takes = "application/json";
  int also = 0;  // another status that is no refusal
};

// The shape of an object whose fields another standard says.
inline constexpr std::string_view kAnything = "ANYTHING";

// Throws Fault::internal where a route is not described.
const Described& described(const Route& route);

}  // namespace cangong
