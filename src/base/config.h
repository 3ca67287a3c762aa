// What people write: YAML, read strictly. One struct, one `visit`, and it parses, rejects unknown
// keys with file and line, and prints its own help.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "base/time.h"

namespace cangong {

// A place in a YAML document. Copies are cheap and share the document.
class Node {
 public:
  // Throws Fault::config with file and line where the text is not YAML.
  static Node parse(std::string_view text, const std::string& file);
  static Node load(const fs::path& path);

  bool is_null() const;
  bool is_scalar() const;
  bool is_list() const;
  bool is_map() const;

  // Throw Fault::config, naming the place, where the node is of another kind.
  std::string scalar() const;
  std::vector<Node> items() const;
  std::vector<std::pair<std::string, Node>> entries() const;  // in the order of the file
  std::optional<Node> find(std::string_view key) const;

  // A copy of this map in which `key` has another value.
  Node with(const std::string& key, const Node& value) const;
  // As one line of YAML.
  std::string text() const;

  // "recipe.yaml:12"
  std::string where() const;
  [[noreturn]] void reject(const std::string& why) const;

 private:
  struct Document;
  std::shared_ptr<const Document> document_;
};

// How one value is read. Overload for a type of your own beside the type.
void read_value(const Node& node, std::string& value);
void read_value(const Node& node, double& value);
void read_value(const Node& node, std::int64_t& value);
void read_value(const Node& node, std::size_t& value);
void read_value(const Node& node, bool& value);
void read_value(const Node& node, Duration& value);
// The place itself, for those who read it later.
void read_value(const Node& node, Node& value);

template <class T>
concept Visited = requires(T value, struct Nothing& visitor) {
  T::is_config;
};

class Reader;

template <Visited T>
void read_value(const Node& node, T& value);

template <class T>
void read_value(const Node& node, std::optional<T>& value) {
  if (node.is_null()) return value.reset();
  read_value(node, value.emplace());
}

// A list, or a single value that stands for a list of one.
template <class T>
void read_value(const Node& node, std::vector<T>& value) {
  value.clear();
  if (node.is_null()) return;
  if (!node.is_list()) return read_value(node, value.emplace_back());
  for (const Node& item : node.items()) read_value(item, value.emplace_back());
}

// One of a fixed set of words.
template <class Enum>
void read_choice(const Node& node, Enum& value,
                 std::initializer_list<std::pair<const char*, Enum>> choices) {
  const std::string word = node.scalar();
  std::vector<std::string> names;
  for (const auto& [name, choice] : choices) {
    if (word == name) {
      value = choice;
      return;
    }
    names.emplace_back(name);
  }
  node.reject("unknown value \"" + word + "\"" + suggestion(word, names));
}

// The visitor that fills a struct from a map.
class Reader {
 public:
  explicit Reader(const Node& node) : node_(node) {}

  template <class T>
  void operator()(const char* key, T& value, const char* help) {
    (void)help;
    known_.emplace_back(key);
    if (const auto found = node_.find(key)) read_value(*found, value);
  }

  // Rejects keys that nobody asked for.
  void finish() const;

 private:
  Node node_;
  std::vector<std::string> known_;
};

// The visitor that lists a struct's keys with their help, one a line.
class Describer {
 public:
  template <class T>
  void operator()(const char* key, T&, const char* help) {
    std::string left = "  " + std::string(key);
    left.resize(std::max<std::size_t>(left.size() + 2, 18), ' ');
    text_ += left + help + "\n";
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

template <Visited T>
std::string keys_of() {
  T value;
  Describer describer;
  value.visit(describer);
  return describer.text();
}

// A struct with a member `where` learns its place, for the messages of later checks.
template <Visited T>
void read_value(const Node& node, T& value) {
  if constexpr (requires { value.where; }) value.where = node.where();
  Reader reader(node);
  value.visit(reader);
  reader.finish();
}

template <class T>
T load_config(const fs::path& path) {
  T value;
  read_value(Node::load(path), value);
  return value;
}

}  // namespace cangong
