#include "base/json_members.h"

#include <simdjson.h>

#include "base/error.h"

namespace cangong {
namespace {

using simdjson::ondemand::json_type;

[[noreturn]] void not_json() {
  fail(Fault::input, "not JSON of the form that is expected");
}

// A value as it was written; the parser goes on behind it.
std::string raw(simdjson::ondemand::value value) {
  json_type type;
  std::string_view text;
  if (value.type().get(type)) not_json();
  if (type == json_type::object) {
    simdjson::ondemand::object object;
    if (value.get_object().get(object) || object.raw_json().get(text)) not_json();
  } else if (type == json_type::array) {
    simdjson::ondemand::array array;
    if (value.get_array().get(array) || array.raw_json().get(text)) not_json();
  } else {
    text = value.raw_json_token();
  }
  constexpr std::string_view kBlanks = " \t\r\n";
  while (!text.empty() && kBlanks.find(text.back()) != std::string_view::npos)
    text.remove_suffix(1);
  return std::string(text);
}

struct Text {
  simdjson::padded_string padded;
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  explicit Text(std::string_view json) : padded(json) {
    if (parser.iterate(padded).get(document)) not_json();
  }
  // Nothing stands behind the value.
  void require_end() {
    const char* rest = nullptr;
    if (document.current_location().get(rest) == simdjson::SUCCESS) not_json();
  }
};

}  // namespace

JsonMembers json_members(std::string_view json) {
  Text text(json);
  simdjson::ondemand::object object;
  if (text.document.get_object().get(object)) not_json();
  JsonMembers members;
  for (auto field : object) {
    std::string_view key;
    simdjson::ondemand::value value;
    if (field.unescaped_key().get(key) || field.value().get(value)) not_json();
    std::string name(key);
    members.emplace_back(std::move(name), raw(value));
  }
  text.require_end();
  return members;
}

const std::string* find_member(const JsonMembers& members, std::string_view name) {
  for (const auto& [key, value] : members)
    if (key == name) return &value;
  return nullptr;
}

std::vector<std::string> json_items(std::string_view json) {
  Text text(json);
  simdjson::ondemand::array array;
  if (text.document.get_array().get(array)) not_json();
  std::vector<std::string> items;
  for (auto item : array) {
    simdjson::ondemand::value value;
    if (item.get(value)) not_json();
    items.push_back(raw(value));
  }
  text.require_end();
  return items;
}

std::string json_string(std::string_view json) {
  Text text(json);
  std::string_view found;
  if (text.document.get_string().get(found)) not_json();
  text.require_end();
  return std::string(found);
}

bool is_shallow(std::string_view json) {
  constexpr int kDeepest = 100;
  int depth = 0;
  bool inside = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (inside) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        inside = false;
    } else if (c == '"') {
      inside = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kDeepest) return false;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return true;
}

}  // namespace cangong
