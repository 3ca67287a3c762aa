#include "cohort/task.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "cohort/task_windows.h"

namespace cangong {
namespace {

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c >= 0x80;
  });
}

bool truth(const Node& node) {
  bool value = false;
  read_value(node, value);
  return value;
}

double number(const Node& node) {
  double value = 0;
  read_value(node, value);
  return value;
}

void read_code(const Node& node, Predicate& predicate) {
  if (node.is_scalar()) {
    if (node.scalar() == "???") node.reject("the code is a placeholder; give a predicates file");
    predicate.codes.push_back(node.scalar());
    return;
  }
  const auto regex = node.find("regex"), any = node.find("any");
  if (regex.has_value() == any.has_value())
    node.reject("a code is one text, {regex: ...} or {any: [...]}");
  for (const auto& [key, value] : node.entries())
    if (key != "regex" && key != "any") value.reject("unknown key \"" + key + "\" (regex or any)");
  if (any) return read_value(*any, predicate.codes);
  predicate.pattern = Pattern::parse(regex->scalar());
  if (!predicate.pattern) regex->reject("not a regular expression (RE2 syntax, no look-around)");
}

void read_plain(const Node& node, Predicate& predicate) {
  for (const auto& [key, value] : node.entries()) {
    if (key == "code") {
      read_code(value, predicate);
    } else if (key == "value_min") {
      if (!value.is_null()) predicate.low = static_cast<float>(number(value));
    } else if (key == "value_max") {
      if (!value.is_null()) predicate.high = static_cast<float>(number(value));
    } else if (key == "value_min_inclusive") {
      predicate.low_inclusive = !value.is_null() && truth(value);
    } else if (key == "value_max_inclusive") {
      predicate.high_inclusive = !value.is_null() && truth(value);
    } else if (key == "other_cols") {
      for (const auto& [column, wanted] : value.entries())
        predicate.other_columns[column] = wanted.scalar();
    } else {
      predicate.other_columns[key] = value.scalar();
    }
  }
  for (const auto& [column, wanted] : predicate.other_columns)
    if (column != "unit" && column != "text_value")
      node.reject("unknown key or column \"" + column + "\" (columns: unit, text_value)");
  if (predicate.codes.empty() && !predicate.pattern) node.reject("a predicate needs `code:`");
  if (predicate.low && predicate.high && *predicate.low > *predicate.high)
    node.reject("value_min is above value_max");
}

// Reads predicates in the order of need, only those that something refers to.
class PredicateReader {
 public:
  PredicateReader(std::vector<std::pair<std::string, Node>> entries, Task& task)
      : entries_(std::move(entries)), task_(task) {}

  std::size_t need(const std::string& name, const Node& where) {
    for (std::size_t i = 0; i < task_.predicates.size(); ++i)
      if (task_.predicates[i].name == name) return i;
    for (const auto& [key, node] : entries_)
      if (key == name) return read(name, node);
    std::vector<std::string> names{std::string(kAnyEvent), std::string(kRecordStart),
                                   std::string(kRecordEnd)};
    for (const auto& [key, node] : entries_) names.push_back(key);
    where.reject("no predicate \"" + name + "\"" + suggestion(name, names));
  }

  std::size_t add(Predicate predicate) {
    task_.predicates.push_back(std::move(predicate));
    return task_.predicates.size() - 1;
  }

 private:
  std::size_t read(const std::string& name, const Node& node) {
    Predicate predicate;
    predicate.name = name;
    const auto expr = node.find("expr");
    if (!expr) {
      read_plain(node, predicate);
      return add(std::move(predicate));
    }
    if (!open_.insert(name).second) node.reject("\"" + name + "\" is defined by itself");
    const std::string text(trim(expr->scalar()));
    const std::size_t open = text.find('(');
    const std::string word(trim(std::string_view(text).substr(0, open)));
    if (open == std::string::npos || text.back() != ')' || (word != "and" && word != "or"))
      expr->reject("an expression is and(a, b, ...) or or(a, b, ...)");
    predicate.kind = word == "and" ? Predicate::Kind::all_of : Predicate::Kind::any_of;
    const std::string inside = text.substr(open + 1, text.size() - open - 2);
    for (const auto part : split(inside, ','))
      predicate.inputs.push_back(need(std::string(trim(part)), *expr));
    if (predicate.inputs.size() < 2) expr->reject("an expression needs two inputs or more");
    open_.erase(name);
    return add(std::move(predicate));
  }

  std::vector<std::pair<std::string, Node>> entries_;
  Task& task_;
  std::set<std::string> open_;
};

void read_outcome(const Node& node, Task& task, PredicateReader& predicates) {
  Outcome& outcome = task.outcome;
  for (const auto& [key, value] : node.entries()) {
    if (key == "kind") {
      read_choice<Outcome::Kind>(value, outcome.kind,
                                 {{"boolean", Outcome::Kind::boolean},
                                  {"count", Outcome::Kind::count},
                                  {"value", Outcome::Kind::value},
                                  {"category", Outcome::Kind::category},
                                  {"survival", Outcome::Kind::survival}});
    } else if (key == "window") {
      outcome.window = value.scalar();
    } else if (key == "predicate") {
      outcome.predicates = {predicates.need(value.scalar(), value)};
    } else if (key == "classes" || key == "causes") {
      for (const Node& item : value.items()) {
        outcome.names.push_back(item.scalar());
        outcome.predicates.push_back(predicates.need(item.scalar(), item));
      }
    } else if (key == "censor") {
      outcome.censor = predicates.need(value.scalar(), value);
    } else if (key == "otherwise") {
      outcome.otherwise = value.scalar();
    } else if (key == "take") {
      read_choice<Outcome::Take>(value, outcome.take,
                                 {{"first", Outcome::Take::first},
                                  {"last", Outcome::Take::last},
                                  {"min", Outcome::Take::min},
                                  {"max", Outcome::Take::max},
                                  {"mean", Outcome::Take::mean},
                                  {"median", Outcome::Take::median},
                                  {"sum", Outcome::Take::sum},
                                  {"change", Outcome::Take::change}});
    } else if (key == "follow_up") {
      read_choice<bool>(value, outcome.follow_up_required, {{"required", true}, {"any", false}});
    } else if (key == "follow_up_ends") {
      outcome.follow_up_ends = predicates.need(value.scalar(), value);
    } else if (key == "clock") {
      read_choice<bool>(value, outcome.by_occurred, {{"known", false}, {"occurred", true}});
    } else {
      value.reject("unknown key \"" + key +
                   "\" (kind, window, predicate, classes, causes, censor, otherwise, take, "
                   "follow_up, follow_up_ends, clock)");
    }
  }
  if (outcome.follow_up_ends && !outcome.follow_up_required)
    node.reject("`follow_up_ends:` goes with `follow_up: required`");
  if (outcome.follow_up_required && outcome.kind == Outcome::Kind::survival)
    node.reject("survival censors at the end of the record; `follow_up:` is for other answers");
  if (outcome.kind != Outcome::Kind::boolean && outcome.predicates.empty())
    node.reject("the outcome names no predicate, classes or causes");
  const auto found = std::find_if(task.windows.begin(), task.windows.end(),
                                  [&](const Window& w) { return w.name == outcome.window; });
  if (found == task.windows.end()) node.reject("`window:` must name one of the task's windows");
  outcome.window_index = static_cast<std::size_t>(found - task.windows.begin());
}

void check_keys(const Node& root, const std::vector<std::string>& known) {
  if (!root.is_map()) root.reject("a task is a map with `predicates`, `trigger` and `windows`");
  for (const auto& [key, node] : root.entries())
    if (std::find(known.begin(), known.end(), key) == known.end())
      node.reject("unknown key \"" + key + "\"" + suggestion(key, known));
}

// The task's entries under `key`, those of the overriding file in their place.
std::vector<std::pair<std::string, Node>> merged(const Node& root,
                                                 const std::optional<Node>& overrides,
                                                 const char* key) {
  std::vector<std::pair<std::string, Node>> entries;
  if (const auto own = root.find(key)) entries = own->entries();
  const auto others = overrides ? overrides->find(key) : std::nullopt;
  if (!others) return entries;
  for (const auto& [name, node] : others->entries()) {
    const auto same = std::find_if(entries.begin(), entries.end(),
                                   [&](const auto& entry) { return entry.first == name; });
    if (same != entries.end())
      same->second = node;
    else
      entries.emplace_back(name, node);
  }
  return entries;
}

}  // namespace

Task parse_task(const std::string& text, const std::string& file,
                const std::optional<fs::path>& overrides) {
  const Node root = Node::parse(text, file);
  check_keys(root, {"predicates", "trigger", "windows", "patient_demographics", "outcome",
                    "description", "metadata"});
  std::optional<Node> other;
  if (overrides) other = Node::load(*overrides);
  if (other) check_keys(*other, {"predicates", "patient_demographics", "description", "metadata"});
  Task task;
  task.text = text;
  task.name = fs::path(file).stem().string();
  if (task.name == "task" && fs::path(file).has_parent_path())
    task.name = fs::path(file).parent_path().filename().string();
  if (const auto said = root.find("description"))
    if (said->is_scalar()) task.description = said->scalar();
  for (const auto name : {kAnyEvent, kRecordStart, kRecordEnd})
    task.predicates.emplace_back().name = name;
  auto entries = merged(root, other, "predicates");
  for (const auto& [name, node] : entries)
    if (!is_name(name)) node.reject("a predicate's name is letters, digits and _");
  PredicateReader reader(entries, task);
  const auto need = [&](const std::string& name, const Node& where) {
    return reader.need(name, where);
  };
  const auto trigger = root.find("trigger");
  if (!trigger) root.reject("a task needs `trigger:`");
  task.trigger = need(std::string(trim(trigger->scalar())), *trigger);
  if (const auto windows = root.find("windows")) read_windows(*windows, task, need);
  for (const auto& [name, node] : merged(root, other, "patient_demographics")) {
    Predicate predicate;
    predicate.name = name;
    predicate.demographic = true;
    read_plain(node, predicate);
    reader.add(std::move(predicate));
  }
  if (const auto outcome = root.find("outcome")) read_outcome(*outcome, task, reader);
  return task;
}

Task load_task(const fs::path& file, const std::optional<fs::path>& overrides) {
  return parse_task(read_file(file), file.string(), overrides);
}

}  // namespace cangong
