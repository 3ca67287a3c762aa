#include "base/postgres_error.h"

#include <array>

#include "base/error.h"

namespace cangong {
namespace {

struct Advice {
  std::string_view state, words;  // a class of errors where it has two characters
};

// The first that fits counts.
constexpr std::array kAdvice{
    Advice{"53100", "the server's disk is full; nothing was changed"},
    Advice{"53300", "the server takes no more connections; raise its max_connections"},
    Advice{"53", "the server has no room for it now; try again"},
    Advice{"55P03", "another program holds it; try again"},
    Advice{"57P03", "the server is starting or stopping; try again"},
    Advice{"57", "the server ended the connection or the statement; try again"},
    Advice{"58", "the server cannot read or write its disk; look into its log"},
    Advice{"XX", "damaged; restore it from a backup"},
    Advice{"28",
           "the server refuses the user or password; check database and "
           "database_password_file"},
    Advice{"3D000", "there is no such database; make it: createdb -O USER NAME"},
    Advice{"3F000", "there is no schema to write in; check search_path"},
    Advice{"42501", "the user may not do that; let the database belong to the user"},
    Advice{"25006", "the server is a standby, which is not written; name the primary"},
    Advice{"40", "another program was faster; try again"},
    Advice{"08", "the connection was lost; try again"},
};

}  // namespace

void raise_postgres(const std::string& database, std::string_view state,
                    const std::string& message) {
  if (state.empty()) fail(Fault::storage, database + ": the connection was lost; try again");
  // Nul cannot be kept in a text there; JSON may hold it.
  if (state == "22021")
    fail(Fault::input, "a text holds a character that cannot be kept (U+0000, or no UTF-8)");
  const std::string code = " (" + std::string(state) + ")";
  for (const Advice& advice : kAdvice)
    if (state.starts_with(advice.state))
      fail(Fault::storage, database + ": " + std::string(advice.words) + code);
  // Of a statement of ours; messages about values would repeat them.
  if (state.starts_with("42")) fail(Fault::internal, "SQL: " + message + code);
  fail(Fault::storage, database + ": refused" + code);
}

}  // namespace cangong
