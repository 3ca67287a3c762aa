#include "cohort/task_windows.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace cangong {
namespace {

// REF, REF + DURATION, REF - DURATION, REF -> predicate or REF <- predicate.
struct Boundary {
  std::string reference;  // "trigger", "start", "end", "window.start", "window.end"; empty = null
  enum class Kind { same, plus, next, previous } kind = Kind::same;
  Duration plus{0};
  std::string predicate;
};

struct Draft {
  std::string name;
  Node node;
  Boundary start, end;
  Window window;
  bool start_is_root = false;  // the end hangs on the start
  bool start_done = false, end_done = false;
};

Boundary parse_boundary(const std::optional<Node>& node) {
  Boundary boundary;
  if (!node || node->is_null()) return boundary;
  const std::string written = node->scalar();
  const std::string_view text = trim(written);
  if (text.empty() || text == "null" || text == "None") return boundary;
  const std::size_t next = text.find("->"), previous = text.find("<-");
  const std::size_t event = std::min(next, previous);
  if (event != std::string_view::npos) {
    if (text.find("->", event + 2) != std::string_view::npos ||
        text.find("<-", event + 2) != std::string_view::npos)
      node->reject("one arrow only");
    boundary.kind = next < previous ? Boundary::Kind::next : Boundary::Kind::previous;
    boundary.reference = trim(text.substr(0, event));
    boundary.predicate = trim(text.substr(event + 2));
    return boundary;
  }
  const std::size_t sign = text.find_first_of("+-");
  boundary.reference = trim(text.substr(0, sign));
  if (sign == std::string_view::npos) return boundary;
  const std::string_view rest = trim(text.substr(sign + 1));
  const auto length = parse_duration(rest);
  if (!length)
    node->reject("\"" + std::string(rest) + "\" is not a length of time; write 24h or 30 days");
  boundary.plus = text[sign] == '+' ? *length : -*length;
  boundary.kind = *length == Duration(0) ? Boundary::Kind::same : Boundary::Kind::plus;
  return boundary;
}

// "(1, None)": bounds on a count, inclusive.
Bound parse_bound(const Node& node) {
  std::vector<std::string> parts;
  if (node.is_list()) {
    for (const Node& item : node.items()) parts.push_back(item.is_null() ? "" : item.scalar());
  } else {
    const std::string written = node.scalar();
    std::string_view text = trim(written);
    if (text.starts_with('(')) text.remove_prefix(1);
    if (text.ends_with(')')) text.remove_suffix(1);
    for (const auto part : split(text, ',')) parts.emplace_back(trim(part));
  }
  if (parts.size() != 2) node.reject("bounds are \"(min, max)\", None for no bound");
  Bound bound;
  const auto read = [&](const std::string& part, std::int64_t& value) {
    if (part.empty() || part == "None" || part == "null") return false;
    const auto number = parse_integer(part);
    if (!number) node.reject("\"" + part + "\" is not a whole number or None");
    value = *number;
    return true;
  };
  const bool low = read(parts[0], bound.low), high = read(parts[1], bound.high);
  if (!low && !high) node.reject("one of the two bounds must be given");
  if (bound.low > bound.high) node.reject("the first bound is above the second");
  return bound;
}

bool flag(const Node& node, const char* key) {
  const auto found = node.find(key);
  if (!found) node.reject(std::string("a window needs `") + key + ":`");
  bool value = false;
  read_value(*found, value);
  return value;
}

void check_direction(const Draft& draft, const Boundary& own, bool from_start) {
  using Kind = Boundary::Kind;
  const bool forward = own.kind == Kind::next || (own.kind == Kind::plus && own.plus > Duration(0));
  if (own.kind != Kind::same && forward != from_start)
    draft.node.reject(from_start ? "the end must lie behind the start: use + or ->"
                                 : "the start must lie before the end: use - or <-");
}

Draft read_draft(const std::string& name, const Node& node) {
  static const std::vector<std::string> kKeys{"start", "end",   "start_inclusive", "end_inclusive",
                                              "has",   "label", "index_timestamp"};
  for (const auto& [key, value] : node.entries())
    if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end())
      value.reject("unknown key \"" + key + "\"" + suggestion(key, kKeys));
  for (const char* key : {"start", "end"})
    if (!node.find(key)) node.reject(std::string("a window needs `") + key + ":` (null for none)");
  Draft draft;
  draft.name = name;
  draft.node = node;
  draft.start = parse_boundary(node.find("start"));
  draft.end = parse_boundary(node.find("end"));
  draft.window.name = name;
  draft.window.start_inclusive = flag(node, "start_inclusive");
  draft.window.end_inclusive = flag(node, "end_inclusive");
  const bool start_own = draft.start.reference == "end" || draft.start.reference.empty();
  const bool end_own = draft.end.reference == "start" || draft.end.reference.empty();
  if (start_own == end_own)
    node.reject("exactly one of start and end must refer to the other (or be null)");
  draft.start_is_root = end_own;
  check_direction(draft, draft.start_is_root ? draft.end : draft.start, draft.start_is_root);
  return draft;
}

// Turns drafts into endpoints, each behind the one that it hangs on.
class Builder {
 public:
  Builder(std::vector<Draft> drafts, Task& task, const NeedPredicate& need)
      : drafts_(std::move(drafts)), task_(task), need_(need) {
    task_.endpoints.assign(1, Endpoint{});  // the trigger
  }

  void build() {
    for (auto& draft : drafts_) place(draft);
    for (auto& draft : drafts_) {
      read_has(draft);
      task_.windows.push_back(draft.window);
      read_label(draft);
    }
  }

 private:
  void place(Draft& draft) {
    if (draft.start_done && draft.end_done) return;
    if (!open_.insert(draft.name).second)
      draft.node.reject("windows refer to one another in a ring");
    const bool from_start = draft.start_is_root;
    const Boundary& root = from_start ? draft.start : draft.end;
    const Boundary& other = from_start ? draft.end : draft.start;
    std::size_t& root_at = from_start ? draft.window.start : draft.window.end;
    std::size_t& other_at = from_start ? draft.window.end : draft.window.start;
    const bool other_closed =
        from_start ? draft.window.end_inclusive : draft.window.start_inclusive;
    // The search for an event includes the parent's own moment where the end at which it is found
    // is inclusive; the way from another window to this one never does (ACES, config.py).
    root_at = endpoint(referred(root.reference, draft), root, false, draft.node);
    if (other.reference.empty()) {
      Endpoint open;
      open.parent = root_at;
      open.edge = from_start ? Endpoint::Edge::next : Endpoint::Edge::previous;
      open.predicate = from_start ? kRecordEndIndex : kRecordStartIndex;
      open.include_parent = other_closed;
      other_at = push(open);
    } else {
      other_at = endpoint(root_at, other, other_closed, draft.node);
    }
    draft.start_done = draft.end_done = true;
    open_.erase(draft.name);
  }

  std::size_t push(const Endpoint& endpoint) {
    task_.endpoints.push_back(endpoint);
    return task_.endpoints.size() - 1;
  }

  std::size_t endpoint(std::size_t parent, const Boundary& boundary, bool inclusive,
                       const Node& node) {
    if (boundary.kind == Boundary::Kind::same) return parent;
    Endpoint next;
    next.parent = parent;
    next.include_parent = inclusive;
    if (boundary.kind == Boundary::Kind::plus) {
      next.edge = Endpoint::Edge::plus;
      next.plus = boundary.plus;
    } else {
      next.edge =
          boundary.kind == Boundary::Kind::next ? Endpoint::Edge::next : Endpoint::Edge::previous;
      next.predicate = need_(boundary.predicate, node);
    }
    return push(next);
  }

  std::size_t referred(const std::string& reference, const Draft& from) {
    if (reference == "trigger") return 0;
    const std::size_t dot = reference.find('.');
    const std::string name = reference.substr(0, dot);
    for (auto& draft : drafts_) {
      if (draft.name != name || dot == std::string::npos) continue;
      place(draft);
      const std::string which = reference.substr(dot + 1);
      if (which == "start") return draft.window.start;
      if (which == "end") return draft.window.end;
    }
    std::vector<std::string> known{"trigger"};
    for (const auto& draft : drafts_)
      known.insert(known.end(), {draft.name + ".start", draft.name + ".end"});
    from.node.reject("unknown reference \"" + reference + "\"" + suggestion(reference, known));
  }

  void read_has(Draft& draft) {
    const auto has = draft.node.find("has");
    if (!has) return;
    for (const auto& [name, node] : has->entries()) {
      Bound bound = parse_bound(node);
      bound.predicate = need_(name, node);
      draft.window.has.push_back(bound);
    }
  }

  void read_label(const Draft& draft) {
    const auto label = draft.node.find("label");
    if (label && !label->is_null()) {
      if (task_.label_window) label->reject("only one window may have a label");
      task_.label_window = task_.windows.size() - 1;
      task_.label_predicate = need_(label->scalar(), *label);
    }
    const auto index = draft.node.find("index_timestamp");
    if (!index || index->is_null()) return;
    if (indexed_) index->reject("only one window may have index_timestamp");
    indexed_ = true;
    const std::string word = index->scalar();
    if (word != "start" && word != "end") index->reject("index_timestamp is start or end");
    task_.index_endpoint = word == "start" ? draft.window.start : draft.window.end;
  }

  std::vector<Draft> drafts_;
  Task& task_;
  const NeedPredicate& need_;
  std::set<std::string> open_;
  bool indexed_ = false;
};

}  // namespace

void read_windows(const Node& node, Task& task, const NeedPredicate& need) {
  std::vector<Draft> drafts;
  for (const auto& [name, entry] : node.entries()) drafts.push_back(read_draft(name, entry));
  Builder(std::move(drafts), task, need).build();
}

}  // namespace cangong
