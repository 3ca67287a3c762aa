#include "base/json_members.h"

#include <simdjson.h>

#include <array>
#include <utility>

#include "base/error.h"

namespace cangong {
namespace {

using simdjson::ondemand::json_type;

[[noreturn]] void not_json() {
  fail(Fault::input, "not JSON of the form that is expected");
}

// A value as it was written, in the parser's copy; the parser goes on behind it.
std::string_view raw(simdjson::ondemand::value value) {
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
  return text;
}

// The memory of a thread's last text serves its next one; a large one is given back.
struct Workspace {
  simdjson::ondemand::parser parser;
  std::string padded;
};
constexpr std::size_t kMostKept = 1 << 17;  // bytes

// Gives the memory of a large text back, also where it turns out to be none.
struct GivesBack {
  Workspace& workspace;
  ~GivesBack() {
    if (workspace.padded.capacity() <= kMostKept) return;
    workspace.parser = simdjson::ondemand::parser();
    std::string().swap(workspace.padded);
  }
};

struct Text {
  std::string_view json;
  Workspace& mine;
  GivesBack gives_back;
  simdjson::ondemand::document document;
  explicit Text(std::string_view json) : json(json), mine(workspace()), gives_back{mine} {
    mine.padded.reserve(json.size() + simdjson::SIMDJSON_PADDING);
    mine.padded.assign(json);
    if (mine.parser.iterate(mine.padded).get(document)) not_json();
  }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  static Workspace& workspace() {
    thread_local Workspace one;
    return one;
  }
  // The same part of the text that was given.
  std::string_view given(std::string_view part) const {
    return json.substr(static_cast<std::size_t>(part.data() - mine.padded.data()), part.size());
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
    members.emplace_back(std::move(name), text.given(raw(value)));
  }
  text.require_end();
  return members;
}

const std::string_view* find_member(const JsonMembers& members, std::string_view name) {
  for (const auto& [key, value] : members)
    if (key == name) return &value;
  return nullptr;
}

std::vector<std::string_view> json_items(std::string_view json) {
  Text text(json);
  simdjson::ondemand::array array;
  if (text.document.get_array().get(array)) not_json();
  std::vector<std::string_view> items;
  for (auto item : array) {
    simdjson::ondemand::value value;
    if (item.get(value)) not_json();
    items.push_back(text.given(raw(value)));
  }
  text.require_end();
  return items;
}

std::string json_text_of(std::string_view json, std::string_view name) {
  std::string_view found;
  try {
    Text text(json);
    simdjson::ondemand::object object;
    if (text.document.get_object().get(object) ||
        object.find_field_unordered(name).get_string().get(found))
      return "";
    return std::string(found);
  } catch (const Error&) {
    return "";
  }
}

std::string json_string(std::string_view json) {
  Text text(json);
  std::string_view found;
  if (text.document.get_string().get(found)) not_json();
  text.require_end();
  return std::string(found);
}

namespace {
constexpr int kDeepest = 100;

// What ends a stretch of JSON that says nothing of its depth, outside and inside of strings.
enum class Mark : char { none, quote, escape, open, close };
constexpr std::array<Mark, 256> marks(std::initializer_list<std::pair<char, Mark>> some) {
  std::array<Mark, 256> all{};
  for (const auto& [c, mark] : some) all[static_cast<unsigned char>(c)] = mark;
  return all;
}
constexpr auto kOutside = marks({{'"', Mark::quote},
                                 {'[', Mark::open},
                                 {'{', Mark::open},
                                 {']', Mark::close},
                                 {'}', Mark::close}});
constexpr auto kInside = marks({{'"', Mark::quote}, {'\\', Mark::escape}});

}  // namespace

bool is_shallow(std::string_view json) {
  const char *at = json.data(), *const end = at + json.size();
  const auto skip = [&](const std::array<Mark, 256>& marks) {
    while (at < end && marks[static_cast<unsigned char>(*at)] == Mark::none) ++at;
    return at < end ? marks[static_cast<unsigned char>(*at++)] : Mark::none;
  };
  int depth = 0;
  while (at < end) {
    const Mark mark = skip(kOutside);
    if (mark == Mark::quote)
      while (skip(kInside) == Mark::escape)
        if (at < end) ++at;
    if (mark == Mark::open && ++depth > kDeepest) return false;
    if (mark == Mark::close) --depth;
  }
  return true;
}

}  // namespace cangong
