#include <algorithm>
#include <cctype>
#include <set>

#include "base/text.h"
#include "source/mapping.h"
#include "source/table.h"

namespace cangong {
namespace {

constexpr std::size_t kRowsRead = 2000;

// What the first rows tell of a column.
struct ColumnGuess {
  std::string name;
  std::set<std::string> distinct;
  std::size_t present = 0, numbers = 0, whole = 0, dates = 0;

  bool is_number() const { return present > 0 && numbers == present; }
  bool is_date() const { return present > 0 && dates == present && !is_number(); }
  bool is_category() const { return present > 0 && !is_number() && distinct.size() <= 30; }
};

std::string code_of(const std::string& name) {
  std::string code;
  for (const char c : name) {
    const auto u = static_cast<unsigned char>(c);
    if (std::isalnum(u) || u >= 0x80)
      code += static_cast<char>(std::toupper(u));
    else if (!code.empty() && code.back() != '_')
      code += '_';
  }
  return code.empty() ? "COLUMN" : code;
}

std::string yaml_text(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

bool is_missing(std::string_view cell) {
  static const TableRule kUsual;
  return std::find(kUsual.missing.begin(), kUsual.missing.end(), cell) != kUsual.missing.end();
}

void look_at(std::string_view cell, ColumnGuess& column, const Zone& zone) {
  cell = trim(cell);
  if (is_missing(cell)) return;
  ++column.present;
  if (column.distinct.size() < 5000) column.distinct.emplace(cell);
  if (parse_number(cell)) ++column.numbers;
  if (parse_integer(cell)) ++column.whole;
  if (cell.size() >= 8 && parse_moment(cell, zone)) ++column.dates;
}

bool looks_like_id(const ColumnGuess& column) {
  const std::string name = lower(column.name);
  return name == "id" || name == "subject_id" || name == "patient_id" || name == "pid" ||
         name == "subject" || name == "patient" || name == "patientid" || name == "mrn" ||
         name == "person_id" || name == "rownames";
}

const ColumnGuess* find_id(const std::vector<ColumnGuess>& columns) {
  for (const auto& column : columns)
    if (looks_like_id(column)) return &column;
  return nullptr;
}

std::string event_lines(const ColumnGuess& column) {
  const std::string code = code_of(column.name);
  if (column.is_number())
    return "      - {code: " + yaml_text(code) + ", value: " + yaml_text(column.name) + "}\n";
  return "      - {code: " + yaml_text(code + "//{" + column.name + "}") + "}\n";
}

}  // namespace

std::string suggest_mapping(const fs::path& file) {
  const auto table = open_table(file, {});
  const Zone zone;
  std::vector<ColumnGuess> columns;
  for (const auto& name : table->header()) columns.push_back({name, {}, 0, 0, 0, 0});
  std::size_t rows = 0;
  while (const auto row = table->next()) {
    if (!row->problem.empty()) continue;
    for (std::size_t i = 0; i < columns.size(); ++i) look_at((*row->cells)[i], columns[i], zone);
    if (++rows == kRowsRead) break;
  }
  const ColumnGuess* id = find_id(columns);
  const auto date = std::find_if(columns.begin(), columns.end(),
                                 [](const ColumnGuess& c) { return c.is_date(); });
  std::string text = "# A first mapping, guessed from " + std::to_string(rows) +
                     " rows. Read every line before you import.\n"
                     "tables:\n  - files: " +
                     yaml_text(file.filename().string()) + "\n";
  if (id) {
    text += "    subject: {column: " + yaml_text(id->name);
    if (id->whole == id->present) text += ", keep: true";
    text += "}\n";
  } else {
    text += "    subject: {row: true}  # no column looks like an identifier: a row is a patient\n";
  }
  if (date != columns.end())
    text += "    time: {column: " + yaml_text(date->name) + "}\n";
  else
    text += "    time: {at: 2000-01-01}  # no dates: all is known at one moment\n";
  text += "    events:\n";
  std::string ignored;
  for (const auto& column : columns) {
    if (&column == id || (date != columns.end() && &column == &*date)) continue;
    if (column.is_number() || column.is_category())
      text += event_lines(column);
    else
      ignored += (ignored.empty() ? "" : ", ") + yaml_text(column.name);
  }
  if (!ignored.empty())
    text += "    ignore: [" + ignored + "]  # empty, free text or dates: map them by hand\n";
  return text;
}

}  // namespace cangong
