// A question, as the field writes it: an ACES task file (es-aces 0.7.3 grammar), with one key of
// our own, `outcome`, for answers that are not yes or no. Reference: docs/tasks.md.
#pragma once

#include <array>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/config.h"
#include "base/pattern.h"

namespace cangong {

// Which rows count. Either plain (a code and bounds) or derived (`expr`).
struct Predicate {
  std::string name;
  // plain
  std::vector<std::string> codes;  // exact; or
  std::optional<Pattern> pattern;  // sought anywhere in the code
  std::optional<float> low, high;  // as MEDS numbers are: 1.1 equals a stored 1.1
  bool low_inclusive = false, high_inclusive = false;
  std::map<std::string, std::string> other_columns;  // unit or text_value must equal this
  // derived
  enum class Kind { plain, all_of, any_of } kind = Kind::plain;
  std::vector<std::size_t> inputs;  // predicates before this one
  bool demographic = false;         // must match a row without time
};

// Three predicates that every task has, before its own.
inline constexpr std::string_view kAnyEvent = "_ANY_EVENT";
inline constexpr std::string_view kRecordStart = "_RECORD_START";
inline constexpr std::string_view kRecordEnd = "_RECORD_END";
inline constexpr std::size_t kAnyEventIndex = 0, kRecordStartIndex = 1, kRecordEndIndex = 2;

// A moment that others hang on: the trigger or an end of a window. The anchor is an event, the
// offset a length of time from it.
struct Endpoint {
  // How it is found from its parent.
  enum class Edge { same, plus, next, previous } edge = Edge::same;
  std::size_t parent = 0;       // endpoints are in order of need; 0 is the trigger
  Duration plus{0};             // may be negative
  std::size_t predicate = 0;    // for next and previous
  bool include_parent = false;  // may an event at the parent's moment be the one
};

struct Bound {
  std::size_t predicate = 0;
  std::int64_t low = 0, high = std::numeric_limits<std::int64_t>::max();  // inclusive
};

struct Window {
  std::string name;
  std::size_t start = 0, end = 0;  // endpoints
  bool start_inclusive = true, end_inclusive = true;
  std::vector<Bound> has;
};

// What is to be predicted, where it is not "did the label predicate occur".
struct Outcome {
  enum class Kind { boolean, count, value, category, survival } kind = Kind::boolean;
  std::string window;
  std::size_t window_index = 0;
  std::vector<std::size_t> predicates;  // value: one; category and survival: in order of cause
  std::vector<std::string> names;       // of the classes or causes
  std::optional<std::size_t> censor;    // survival: ends the follow-up without the event
  std::string otherwise;                // category: the class of rows in which none occurs
  enum class Take { first, last, min, max, mean, median, sum, change } take = Take::first;
  // "No" only where the record goes on to the window's end, or one of these ends it.
  bool follow_up_required = false;
  std::optional<std::size_t> follow_up_ends;
  bool by_occurred = false;  // the answer's events at the moment when they happened
};

struct Task {
  std::string name;
  std::vector<Predicate> predicates;  // the three of every task, then its own, inputs first
  std::size_t trigger = 0;
  std::vector<Endpoint> endpoints{Endpoint{}};  // the first is the trigger
  std::vector<Window> windows;
  std::size_t index_endpoint = 0;  // the prediction time
  std::optional<std::size_t> label_window, label_predicate;
  Outcome outcome;
  std::string description;
  std::string text;  // the file as it was read, for the bundle
};

// Throws Fault::config with file and line. `overrides` is an ACES predicates file.
Task load_task(const fs::path& file, const std::optional<fs::path>& overrides = std::nullopt);
Task parse_task(const std::string& text, const std::string& file,
                const std::optional<fs::path>& overrides = std::nullopt);

}  // namespace cangong
