// Any text as a moment and as a length of time.
#include "base/time.h"

#include "base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cangong;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const Zone zone("America/New_York");
  if (const auto moment = parse_moment(text, zone)) {
    ensure(moment->first <= moment->last, "a moment does not end before it begins");
    const auto again = parse_moment(format_time(moment->first), zone);
    ensure(again && again->first == moment->first, "a written time reads back");
  }
  if (const auto length = parse_duration(text))
    ensure(*length >= Duration(0), "a length is not negative");
  return 0;
}
