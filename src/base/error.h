// How an operation ends that cannot go on: one exception type, translated once per door.
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace cangong {

// What kind of failure it is; a door maps it to an exit code or a status.
enum class Fault { input, config, missing, denied, storage, model, internal };

// A message says what, where and what to do; it never holds patient content.
struct Error : std::runtime_error {
  Error(Fault fault, const std::string& message, std::source_location where)
      : std::runtime_error(message), fault(fault), where(where) {}
  Fault fault;
  std::source_location where;
};

[[noreturn]] inline void fail(Fault fault, const std::string& message,
                              std::source_location where = std::source_location::current()) {
  throw Error(fault, message, where);
}

// Does `work`; puts the place ("recipe.yaml:12") before the message of a mistake in a file that
// a person wrote, unless it names a place in that file already.
template <class Work>
decltype(auto) at_place(const std::string& place, const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    if (place.empty()) throw;
    const std::string file = place.substr(0, place.rfind(':') + 1);
    if (error.fault != Fault::config || std::string_view(error.what()).starts_with(file)) throw;
    throw Error(error.fault, place + ": " + error.what(), error.where);
  }
}

// For programmer errors only; stays on in release builds.
inline void ensure(bool holds, const char* promise,
                   std::source_location where = std::source_location::current()) {
  if (holds) return;
  throw Error(Fault::internal,
              std::string("broken promise: ") + promise + " (" + where.file_name() + ":" +
                  std::to_string(where.line()) + ")",
              where);
}

}  // namespace cangong
