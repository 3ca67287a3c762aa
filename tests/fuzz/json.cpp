// Any bytes as JSON that is taken apart: what another reader takes for an object or a list has the
// same members and items; what it does not may be refused later, but never breaks.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_members.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cangong;
  using Json = nlohmann::ordered_json;
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)json_text_of(text, "resourceType");
  if (!is_shallow(text)) return 0;
  // The other reader takes a zero for the end of the text, and passes over a mark of byte order.
  const bool differs = text.find('\0') != std::string::npos || text.starts_with("\xef\xbb\xbf");
  const Json whole = differs ? Json() : Json::parse(text, nullptr, false);
  try {
    const JsonMembers members = json_members(text);
    ensure(!whole.is_object() || members.size() >= whole.size(), "none is lost");
    for (const auto& [name, value] : members) {
      const char* const end = value.data() + value.size();
      ensure(value.data() >= text.data() && end <= text.data() + text.size(), "a part of the text");
      const auto same = [&](const auto& one) { return one.first == name; };
      if (whole.is_object() && std::count_if(members.begin(), members.end(), same) == 1)
        ensure(whole.contains(name) && Json::parse(value, nullptr, false) == whole[name],
               "members are those of another reader");
    }
  } catch (const Error& error) {
    ensure(error.fault == Fault::input && !whole.is_object(), error.what());
  }
  try {
    const auto items = json_items(text);
    ensure(!whole.is_array() || items.size() == whole.size(), "as many items");
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
