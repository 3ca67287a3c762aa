// JSON taken apart without being read: the members of an object, the items of an array, each as it
// was written: a part of the text that was given, which has to outlive it. For bodies whose large
// part goes to another reader.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cangong {

using JsonMembers = std::vector<std::pair<std::string, std::string_view>>;

// In their order, names unescaped. Throws Fault::input where the text is no JSON object.
JsonMembers json_members(std::string_view json);
// Null where there is none of that name; the first where there are two.
const std::string_view* find_member(const JsonMembers& members, std::string_view name);
// Throws Fault::input where the text is no JSON array.
std::vector<std::string_view> json_items(std::string_view json);
// The text of a member, as far as it is one; what stands behind it is not looked at.
std::string json_text_of(std::string_view json, std::string_view name);
// Whether it is nested 100 levels at most, before anyone walks it.
bool is_shallow(std::string_view json);
// The text that a JSON string stands for. Throws Fault::input where it is none.
std::string json_string(std::string_view json);

}  // namespace cangong
