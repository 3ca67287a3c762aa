// Any bytes as JSON that is taken apart: what another reader takes for an object or a list has the
// same members and items; what it does not may be refused later, but never breaks.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_members.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cangong;
  using Json = nlohmann::ordered_json;
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)json_text_of(text, "resourceType");
  if (!is_shallow(text)) return 0;
  // The other reader takes a zero for the end of the text.
  const bool ends_early = text.find('\0') != std::string::npos;
  const Json whole = ends_early ? Json() : Json::parse(text, nullptr, false);
  try {
    for (const auto& [name, value] : json_members(text)) {
      const char* const end = value.data() + value.size();
      ensure(value.data() >= text.data() && end <= text.data() + text.size(), "a part of the text");
      if (whole.is_object())
        ensure(whole.contains(name) && !Json::parse(value, nullptr, false).is_discarded(),
               "members are those of another reader");
    }
  } catch (const Error& error) {
    ensure(error.fault == Fault::input && !whole.is_object(), error.what());
  }
  try {
    const auto items = json_items(text);
    for (std::size_t i = 0; whole.is_array() && i < whole.size(); ++i)
      ensure(Json::parse(items.at(i), nullptr, false) == whole[i], "items are another reader's");
  } catch (const Error& error) {
    ensure(error.fault == Fault::input && !whole.is_array(), error.what());
  }
  try {
    const std::string read = json_string(text);
    if (whole.is_string()) ensure(read == whole.get<std::string>(), "strings are another reader's");
  } catch (const Error& error) {
    ensure(error.fault == Fault::input && !whole.is_string(), error.what());
  }
  return 0;
}
