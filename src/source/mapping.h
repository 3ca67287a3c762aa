// The mapping file of `cangong import csv`: which column is what. Reference: docs/mapping.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/config.h"

namespace cangong {

// When a row's event became known.
struct TimeRule {
  static constexpr bool is_config = true;
  std::string column, format, at, plus, unit = "h", missing, where;
  Duration at_least{0};
  template <class V>
  void visit(V& v) {
    v("column", column, "the column that holds a date or time");
    v("format", format, "how it is written, such as %m/%d/%Y %H:%M; ISO 8601 if not given");
    v("at", at, "one fixed time for all rows, such as 2000-01-01");
    v("plus", plus, "a column with a number to add to it");
    v("unit", unit, "the unit of that number: s, min, h, d, wk, mo, a");
    v("at_least", at_least, "the smallest time to add");
    v("missing", missing, "reject rows without a time (the usual), or static: facts without one");
  }
};

// One event that a row gives. {braces} name columns; a missing cell means no event.
struct EventRule {
  static constexpr bool is_config = true;
  std::string code, value, unit, text, description, where;
  std::map<std::string, std::vector<std::string>> when;
  std::optional<TimeRule> time, occurred;
  bool is_static = false, optional = false;
  template <class V>
  void visit(V& v) {
    v("code", code, "the event's code, such as LAB//{item}");
    v("value", value, "the column of its number");
    v("unit", unit, "UCUM unit, or {column}");
    v("text", text, "the column of its text");
    v("description", description, "what the code means");
    v("when", when, "only rows in which these columns have one of these values");
    v("time", time, "when it became known; the table's time if not given");
    v("occurred", occurred, "when it happened, if that is another time");
    v("static", is_static, "true: a fact without a time");
    v("optional", optional, "true: it stands even where its value or text is missing");
  }
};

struct SubjectRule {
  static constexpr bool is_config = true;
  std::string column, file, system;
  bool row = false, keep = false;
  std::size_t first = 1;
  template <class V>
  void visit(V& v) {
    v("column", column, "the column of the patient's identifier");
    v("file", file, "a regular expression whose first group, in the file's name, is it");
    v("row", row, "true: each row is another patient, numbered in order");
    v("first", first, "the number of the first row's patient");
    v("keep", keep, "true: identifiers are whole numbers and stay as they are");
    v("system", system, "who issued the identifier; patients are joined by system and value");
  }
};

struct TableRule {
  static constexpr bool is_config = true;
  std::string delimiter, where;
  std::vector<std::string> files{"*"}, members;
  std::vector<std::string> header, missing{"", "NA", "NaN", "nan", "null", "NULL", "?"}, ignore;
  std::size_t skip = 0;
  SubjectRule subject;
  std::optional<TimeRule> time;
  std::vector<EventRule> events;
  template <class V>
  void visit(V& v) {
    v("files", files, "names of the files, with * and ?");
    v("delimiter", delimiter, "the character between cells; guessed if not given");
    v("header", header, "column names of files that have none");
    v("members", members, "npz: names of the arrays, with * and ?; all if not given");
    v("skip", skip, "lines before the header or the first row");
    v("missing", missing, "what stands for a missing value");
    v("ignore", ignore, "columns that are left out on purpose; * for all others");
    v("subject", subject, "who the patient is");
    v("time", time, "when the row's events became known");
    v("events", events, "the events that a row gives");
  }
};

struct Mapping {
  static constexpr bool is_config = true;
  std::string dataset;
  std::vector<TableRule> tables;
  template <class V>
  void visit(V& v) {
    v("dataset", dataset, "a name for the data set");
    v("tables", tables, "one entry for each kind of table");
  }
};

void read_value(const Node& node, std::map<std::string, std::vector<std::string>>& value);

// Throws Fault::config with `file` and the line.
Mapping parse_mapping(const std::string& text, const std::string& file);

// A first mapping for a file, as YAML with comments, made from its header and first rows.
std::string suggest_mapping(const fs::path& file);

}  // namespace cangong
