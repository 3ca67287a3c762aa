#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "base/text.h"
#include "source/delimited_table.h"
#include "source/mapping.h"

namespace cangong {
namespace {

constexpr std::size_t kRowsRead = 2000;
constexpr std::size_t kMostDistinct = 5000;
constexpr std::size_t kMostCategories = 30;
constexpr std::size_t kLongestName = 80;  // bytes
constexpr std::size_t kMostLinesBefore = 5;

// How dates are written; the first is ISO 8601. Of two that fit every cell, the former counts.
constexpr std::array<const char*, 14> kFormats{
    "",         "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y", "%d/%m/%Y",       "%d.%m.%Y %H:%M",    "%d.%m.%Y",       "%Y/%m/%d %H:%M",
    "%Y/%m/%d", "%m/%d/%y",       "%d/%m/%y",          "%Y%m%d"};
constexpr std::size_t kCompact = kFormats.size() - 1;  // 20200131: a date only if its name says so

using Names = std::initializer_list<std::string_view>;

bool is_one_of(const std::string& name, Names names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool holds_one_of(const std::string& name, Names parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](auto part) { return name.find(part) != std::string::npos; });
}

// What the first rows tell of a column.
struct ColumnGuess {
  std::string name, lower_name;
  std::set<std::string, std::less<>> distinct;
  std::size_t present = 0, numbers = 0, canonical = 0;
  std::array<std::size_t, kFormats.size()> dates{};

  bool is_number() const { return present > 0 && numbers == present && !date_format(); }
  // Whole numbers in their usual spelling: "7", not "007".
  bool is_canonical() const { return present > 0 && canonical == present; }
  bool is_category() const {
    return present > 0 && !is_number() && !date_format() && distinct.size() <= kMostCategories;
  }
  bool is_birth() const {
    return holds_one_of(lower_name, {"birth"}) || is_one_of(lower_name, {"dob", "born"});
  }
  bool is_death() const {
    return holds_one_of(lower_name, {"death", "died", "deceased"}) || lower_name == "dod";
  }
  std::optional<std::size_t> date_format() const {
    for (std::size_t i = 0; i < kFormats.size(); ++i) {
      if (present == 0 || dates[i] < present) continue;
      if (i == kCompact && !holds_one_of(lower_name, {"date", "time", "day"})) continue;
      return i;
    }
    return std::nullopt;
  }
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
  const bool known = column.distinct.contains(cell);
  if (!known && column.distinct.size() < kMostDistinct) column.distinct.emplace(cell);
  if (parse_number(cell)) ++column.numbers;
  const auto whole = parse_integer(cell);
  if (whole && std::to_string(*whole) == cell) ++column.canonical;
  if (cell.size() < 6) return;
  if (cell.size() >= 8 && parse_moment(cell, zone)) ++column.dates[0];
  for (std::size_t i = 1; i < kFormats.size(); ++i)
    if (parse_moment(cell, kFormats[i], zone)) ++column.dates[i];
}

class Suggestion {
 public:
  explicit Suggestion(const fs::path& file) : file_(file) {
    TableFormat format;
    format.header = names_if_headerless(file);
    headerless_ = !format.header.empty();
    look(format);
    while (rows_ == 0 && broken_ > 0 && !headerless_ && format.skip < kMostLinesBefore) {
      ++format.skip;  // a title, perhaps
      look(format);
    }
    skipped_ = rows_ > 0 ? format.skip : 0;
    id_ = find([](const ColumnGuess& c) {
      return is_one_of(c.lower_name, {"id", "subject_id", "patient_id", "pid", "subject", "patient",
                                      "patientid", "subjectid", "mrn", "person_id", "rownames"});
    });
    time_ = find(
        [](const ColumnGuess& c) { return c.date_format() && !c.is_birth() && !c.is_death(); });
  }

  std::string text() const {
    std::string text = "# A first mapping, guessed from " + std::to_string(rows_) +
                       " rows. Read every line before you import.\ntables:\n  - files: " +
                       yaml_text(file_.filename().string()) + "\n";
    if (headerless_) {
      std::string names;
      for (const auto& column : columns_) names += (names.empty() ? "" : ", ") + column.name;
      text += "    header: [" + names + "]  # the file has none: give the columns their names\n";
    }
    if (skipped_ > 0)
      text += "    skip: " + std::to_string(skipped_) + "  # lines before the header\n";
    return text + subject() + time() + "    events:\n" + events();
  }

 private:
  void look(const TableFormat& format) {
    const auto table = open_table(file_, format);
    if (table->header().empty()) fail(Fault::input, file_.string() + " is empty");
    columns_.clear();
    for (const auto& name : table->header()) {
      ColumnGuess& column = columns_.emplace_back();
      column.name = name;
      column.lower_name = lower(name);
    }
    while (const auto row = table->next()) {
      if (!row->problem.empty() && ++broken_ > kRowsRead) break;
      if (!row->problem.empty()) continue;
      for (std::size_t i = 0; i < columns_.size(); ++i)
        look_at((*row->cells)[i], columns_[i], zone_);
      if (++rows_ == kRowsRead) break;
    }
  }

  template <class Test>
  const ColumnGuess* find(const Test& test) const {
    const auto found = std::find_if(columns_.begin(), columns_.end(), test);
    return found == columns_.end() ? nullptr : &*found;
  }

  // Names for the columns of a file whose first line is a row: a number comes first, a cell stands
  // twice, or one is too long for a name.
  static std::vector<std::string> names_if_headerless(const fs::path& file) {
    const std::string name = unpacked_name(file);
    for (const char* ending : {".arff", ".parquet", ".pq", ".npy", ".npz"})
      if (name.ends_with(ending)) return {};
    const auto cells = DelimitedTable::first_row(file);
    const std::set<std::string> distinct(cells.begin(), cells.end());
    const bool long_cell = std::any_of(cells.begin(), cells.end(), [](const std::string& cell) {
      return cell.size() > kLongestName;
    });
    if (cells.empty() || (!parse_number(cells[0]) && distinct.size() == cells.size() && !long_cell))
      return {};
    std::vector<std::string> names;
    for (std::size_t i = 1; i <= cells.size(); ++i) names.push_back("c" + std::to_string(i));
    return names;
  }

  std::string subject() const {
    if (!id_)
      return "    subject: {row: true}  # no column looks like an identifier: a row is a patient\n";
    const std::string keep = id_->is_canonical() ? ", keep: true" : "";
    return "    subject: {column: " + yaml_text(id_->name) + keep + "}\n";
  }

  std::string time_rule(const ColumnGuess& column) const {
    const std::string format = kFormats[*column.date_format()];
    return "{column: " + yaml_text(column.name) +
           (format.empty() ? "" : ", format: " + yaml_text(format));
  }

  std::string time() const {
    if (!time_) return "    time: {at: 2000-01-01}  # no dates: all is known at one moment\n";
    const bool gaps = time_->present < rows_;
    return "    time: " + time_rule(*time_) +
           (gaps ? ", missing: static}  # rows without a time become facts without one\n" : "}\n");
  }

  // One code and one value a row, as in MEDS and in many laboratory exports.
  const ColumnGuess* long_code() const {
    return find([](const ColumnGuess& c) {
      return is_one_of(c.lower_name, {"code", "itemid", "item", "test", "concept_code", "variable",
                                      "parameter", "measurement"});
    });
  }

  std::string long_event(const ColumnGuess& code, std::set<const ColumnGuess*>& used) const {
    const std::string prefix = code.lower_name == "code" ? "" : code_of(code.name) + "//";
    std::string text = "      - {code: " + yaml_text(prefix + "{" + code.name + "}");
    used.insert(&code);
    const auto add = [&](const char* key, Names names, bool number, bool braces) {
      const auto* column = find([&](const ColumnGuess& c) {
        return is_one_of(c.lower_name, names) && (!number || c.present == 0 || c.is_number());
      });
      if (!column) return;
      used.insert(column);
      text += std::string(", ") + key + ": " +
              yaml_text(braces ? "{" + column->name + "}" : column->name);
    };
    add("value", {"numeric_value", "valuenum", "value", "result", "value_as_number"}, true, false);
    add("text", {"text_value", "text"}, false, false);
    add("unit", {"unit", "units", "uom", "valueuom"}, false, true);
    return text + ", optional: true}\n";
  }

  std::string event(const ColumnGuess& column) const {
    const std::string code = code_of(column.name), name = yaml_text(column.name);
    if (column.date_format()) {
      const std::string what = column.is_birth()   ? "MEDS_BIRTH"
                               : column.is_death() ? "MEDS_DEATH"
                                                   : code;
      return "      - {code: " + yaml_text(what) + ", time: " + time_rule(column) + "}}\n";
    }
    if (column.is_number()) return "      - {code: " + yaml_text(code) + ", value: " + name + "}\n";
    if (column.is_category())
      return "      - {code: " + yaml_text(code + "//{" + column.name + "}") + "}\n";
    return "      - {code: " + yaml_text(code) + ", text: " + name + "}\n";
  }

  std::string events() const {
    std::set<const ColumnGuess*> used{id_, time_};
    std::string text, ignored;
    if (const auto* code = long_code()) text += long_event(*code, used);
    for (const auto& column : columns_) {
      if (used.contains(&column)) continue;
      if (column.present > 0 && !column.name.empty())
        text += event(column);
      else
        ignored += (ignored.empty() ? "" : ", ") + yaml_text(column.name);
    }
    if (text.empty()) text = "      []\n";
    if (!ignored.empty()) text += "    ignore: [" + ignored + "]  # empty, or without a name\n";
    return text;
  }

  fs::path file_;
  Zone zone_;
  std::vector<ColumnGuess> columns_;
  std::size_t rows_ = 0, broken_ = 0, skipped_ = 0;
  bool headerless_ = false;
  const ColumnGuess* id_ = nullptr;
  const ColumnGuess* time_ = nullptr;
};

}  // namespace

std::string suggest_mapping(const fs::path& file) {
  return Suggestion(file).text();
}

}  // namespace cangong
