#include "base/config.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

namespace cangong {

struct Node::Document {
  YAML::Node node;
  std::string file;
};

Node Node::parse(std::string_view text, const std::string& file) {
  Node node;
  try {
    node.document_ = std::make_shared<Document>(Document{YAML::Load(std::string(text)), file});
  } catch (const YAML::Exception& error) {
    const int line = error.mark.is_null() ? 1 : error.mark.line + 1;
    fail(Fault::config, file + ":" + std::to_string(line) + ": not valid YAML: " + error.msg);
  }
  return node;
}

Node Node::load(const fs::path& path) {
  return parse(read_file(path), path.string());
}

bool Node::is_null() const {
  return !document_->node.IsDefined() || document_->node.IsNull();
}
bool Node::is_scalar() const {
  return document_->node.IsScalar();
}
bool Node::is_list() const {
  return document_->node.IsSequence();
}
bool Node::is_map() const {
  return document_->node.IsMap();
}

Node Node::with(const std::string& key, const Node& value) const {
  YAML::Node map(YAML::NodeType::Map);
  for (const auto& entry : document_->node)
    if (entry.first.Scalar() != key) map[entry.first] = entry.second;
  Node node;
  map[key] = value.document_->node;
  node.document_ = std::make_shared<Document>(Document{map, document_->file});
  return node;
}

std::string Node::text() const {
  YAML::Emitter out;
  out << YAML::Flow << document_->node;
  return out.c_str();
}

std::string Node::where() const {
  const YAML::Mark mark = document_->node.Mark();
  return document_->file + ":" + std::to_string(mark.is_null() ? 1 : mark.line + 1);
}

void Node::reject(const std::string& why) const {
  fail(Fault::config, where() + ": " + why);
}

std::string Node::scalar() const {
  if (!is_scalar()) reject("a single value is wanted here");
  return document_->node.Scalar();
}

std::vector<Node> Node::items() const {
  if (is_null()) return {};
  if (!is_list()) reject("a list is wanted here");
  std::vector<Node> nodes;
  for (const auto& item : document_->node) {
    Node node;
    node.document_ = std::make_shared<Document>(Document{item, document_->file});
    nodes.push_back(std::move(node));
  }
  return nodes;
}

std::vector<std::pair<std::string, Node>> Node::entries() const {
  if (is_null()) return {};
  if (!is_map()) reject("a map of \"key: value\" is wanted here");
  std::vector<std::pair<std::string, Node>> found;
  std::set<std::string> keys;
  for (const auto& entry : document_->node) {
    Node node;
    node.document_ = std::make_shared<Document>(Document{entry.second, document_->file});
    if (!entry.first.IsScalar()) node.reject("a key must be a single word");
    const std::string key = entry.first.Scalar();
    if (!keys.insert(key).second) node.reject("\"" + key + "\" stands twice");
    found.emplace_back(key, std::move(node));
  }
  return found;
}

std::optional<Node> Node::find(std::string_view key) const {
  for (auto& [name, node] : entries())
    if (name == key) return node;
  return std::nullopt;
}

void read_value(const Node& node, std::string& value) {
  value = node.scalar();
}

void read_value(const Node& node, double& value) {
  const auto number = parse_number(node.scalar());
  if (!number) node.reject("\"" + node.scalar() + "\" is not a number");
  value = *number;
}

void read_value(const Node& node, std::int64_t& value) {
  const auto number = parse_integer(node.scalar());
  if (!number) node.reject("\"" + node.scalar() + "\" is not a whole number");
  value = *number;
}

void read_value(const Node& node, std::size_t& value) {
  std::int64_t number = 0;
  read_value(node, number);
  if (number < 0) node.reject("must not be negative");
  value = static_cast<std::size_t>(number);
}

void read_value(const Node& node, bool& value) {
  const std::string word = node.scalar();
  if (word == "true" || word == "True" || word == "yes" || word == "on") {
    value = true;
  } else if (word == "false" || word == "False" || word == "no" || word == "off") {
    value = false;
  } else {
    node.reject("\"" + word + "\" is not true or false");
  }
}

void read_value(const Node& node, Duration& value) {
  const auto duration = parse_duration(node.scalar());
  if (!duration)
    node.reject("\"" + node.scalar() + "\" is not a length of time; write 24h, 7d or 30 days");
  value = *duration;
}

void read_value(const Node& node, Node& value) {
  value = node;
}

void Reader::finish() const {
  for (const auto& [key, node] : node_.entries())
    if (std::find(known_.begin(), known_.end(), key) == known_.end())
      node.reject("unknown key \"" + key + "\"" + suggestion(key, known_));
}

}  // namespace cangong
