#include "source/delimited_table.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "base/text.h"

namespace cangong {
namespace {

constexpr std::size_t kMostColumns = 100'000;
constexpr std::size_t kLongestRecord = 1u << 20;  // bytes of a record that spans lines

char guess_delimiter(const std::string& name, std::string_view line) {
  if (name.ends_with(".tsv")) return '\t';
  if (name.ends_with(".psv")) return '|';
  constexpr std::array<char, 4> kCandidates{',', ';', '\t', '|'};
  const auto count = [&](char c) { return std::count(line.begin(), line.end(), c); };
  const char most = *std::max_element(kCandidates.begin(), kCandidates.end(),
                                      [&](char a, char b) { return count(a) < count(b); });
  return count(most) ? most : '\x1f';  // one column, in which commas are text
}

}  // namespace

DelimitedTable::DelimitedTable(const fs::path& path) : lines_(path), file_(path.string()) {
  if (const auto line = lines_.next()) record_ = line->text;
  delimiter_ = guess_delimiter(unpacked_name(path), record_);
}

std::vector<std::string> DelimitedTable::first_row(const fs::path& path) {
  DelimitedTable table(path);
  std::string problem;
  std::vector<std::string> cells;
  if (table.record_.empty() || !table.split_record(problem)) return cells;
  for (const auto cell : table.cells_) cells.emplace_back(trim(cell));
  return cells;
}

DelimitedTable::DelimitedTable(const fs::path& path, const TableFormat& format)
    : lines_(path), file_(path.string()) {
  const std::string name = unpacked_name(path);
  arff_ = name.ends_with(".arff");
  if (arff_) {
    read_arff_header();
    return;
  }
  for (std::size_t i = 0; i < format.skip && lines_.next(); ++i) {
  }
  if (const auto line = lines_.next()) record_ = line->text, first_line_ = line->number;
  delimiter_ = format.delimiter ? format.delimiter : guess_delimiter(name, record_);
  header_ = format.header;
  first_is_data_ = !header_.empty() && !record_.empty();
  if (header_.empty() && !record_.empty()) {
    std::string problem;
    if (!split_record(problem)) fail(Fault::input, file_ + ":1: " + problem);
    for (const auto cell : cells_) header_.emplace_back(trim(cell));
  }
  const std::set<std::string> distinct(header_.begin(), header_.end());
  if (distinct.size() != header_.size())
    fail(Fault::input, file_ + ":1: a column name stands twice; name the columns under `header:`");
}

void DelimitedTable::read_arff_header() {
  delimiter_ = ',';
  while (const auto line = lines_.next()) {
    const std::string_view text = trim(line->text);
    const std::string word = lower(text.substr(0, 10));
    if (word.starts_with("@data")) return;
    if (!word.starts_with("@attribute")) continue;
    std::string_view rest = trim(text.substr(10));
    const char quote = rest.empty() ? ' ' : rest.front();
    if (quote == '\'' || quote == '"') {
      rest.remove_prefix(1);
      header_.emplace_back(rest.substr(0, rest.find(quote)));
    } else {
      header_.emplace_back(rest.substr(0, rest.find_first_of(" \t")));
    }
  }
  fail(Fault::input, file_ + ": an ARFF file without @data");
}

std::optional<LineReader::Line> DelimitedTable::next_line() {
  if (pending_.empty()) return lines_.next();
  line_ = std::move(pending_.front());
  pending_.pop_front();
  return LineReader::Line{line_.text, line_.number, line_.too_long, true};
}

// Reads the quoted cell whose text begins at `at`, over line ends where need be, and moves `at`
// behind the delimiter. False where the quotation is broken.
bool DelimitedTable::take_quoted(std::size_t& at, std::string& cell, std::string& problem) {
  const char quote = record_[at - 1];
  while (true) {
    if (at >= record_.size()) {
      const auto more = record_.size() < kLongestRecord ? next_line() : std::nullopt;
      if (!more) {
        problem = "a quoted cell that began here is never closed";
        return false;
      }
      swallowed_.push_back({more->number, std::string(more->text), more->too_long});
      cell += '\n';
      record_ += '\n';
      at = record_.size();
      record_ += swallowed_.back().text;
    } else if (record_[at] != quote) {
      cell += record_[at++];
    } else if (at + 1 < record_.size() && record_[at + 1] == quote) {
      cell += quote;
      at += 2;
    } else {
      break;
    }
  }
  const std::size_t stop = std::min(record_.find(delimiter_, at), record_.size());
  if (!trim(std::string_view(record_).substr(at + 1, stop - at - 1)).empty()) {
    problem = "text behind a closing quotation mark";
    return false;
  }
  at = stop + 1;
  return true;
}

// Splits `record_` into cells; false, with the problem, where its quotation is broken.
bool DelimitedTable::split_record(std::string& problem) {
  cells_.clear();
  const std::string_view quotes = arff_ ? "'\"" : "\"";
  if (record_.find_first_of(quotes) == std::string::npos) {
    split_plain();
    return true;
  }
  texts_.clear();
  for (std::size_t at = 0; at <= record_.size();) {
    const std::size_t first = record_.find_first_not_of(' ', at);
    if (too_many(texts_.size())) break;
    texts_.emplace_back();
    if (first != std::string::npos && quotes.find(record_[first]) != std::string_view::npos) {
      at = first + 1;
      if (!take_quoted(at, texts_.back(), problem)) return false;
    } else {
      const std::size_t stop = std::min(record_.find(delimiter_, at), record_.size());
      texts_.back() = record_.substr(at, stop - at);
      at = stop + 1;
    }
  }
  cells_.assign(texts_.begin(), texts_.end());
  return true;
}

// A line of a million delimiters is no row: one cell too many is enough to tell.
bool DelimitedTable::too_many(std::size_t cells) const {
  return header_.empty() ? cells > kMostColumns : cells > header_.size();
}

void DelimitedTable::split_plain() {
  std::string_view rest = record_;
  while (true) {
    const std::size_t at = rest.find(delimiter_);
    cells_.push_back(rest.substr(0, at));
    if (at == std::string_view::npos || too_many(cells_.size())) return;
    rest.remove_prefix(at + 1);
  }
}

std::optional<Table::Row> DelimitedTable::next() {
  while (true) {
    std::uint64_t number = first_line_;
    if (!first_is_data_) {
      const auto line = next_line();
      if (!line) return std::nullopt;
      if (line->too_long) return Row{&cells_, line->number, "the line is longer than 64 MB"};
      record_ = line->text;
      number = line->number;
    }
    first_is_data_ = false;
    if (trim(record_).empty() || (arff_ && record_.front() == '%')) continue;
    Row row{&cells_, number, {}};
    swallowed_.clear();
    const bool whole = split_record(row.problem);
    // A stray quotation mark must not take other rows with it: they are read again by themselves.
    if (!whole) pending_.insert(pending_.begin(), swallowed_.begin(), swallowed_.end());
    if (whole && cells_.size() != header_.size())
      row.problem = (cells_.size() > header_.size() ? "has more cells than the header's "
                                                    : "has fewer cells than the header's ") +
                    std::to_string(header_.size());
    return row;
  }
}

std::unique_ptr<Table> open_delimited(const fs::path& path, const TableFormat& format) {
  return std::make_unique<DelimitedTable>(path, format);
}

}  // namespace cangong
