// A delimited table: CSV, TSV, PSV (RFC 4180 quoting) or ARFF, plain or gzip.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace cangong {

struct TableFormat {
  char delimiter = 0;               // 0: by the file's name, else by its first line
  std::vector<std::string> header;  // given: the file has none
  std::size_t skip = 0;             // lines before the header or the first row
};

class TableFile {
 public:
  // Throws Fault::input where the header names a column twice.
  TableFile(const fs::path& path, const TableFormat& format);

  const std::vector<std::string>& header() const { return header_; }
  char delimiter() const { return delimiter_; }

  struct Row {
    const std::vector<std::string_view>* cells = nullptr;  // valid until the next call
    std::uint64_t line = 0;
    std::string problem;  // not empty: the row cannot be read, and why
  };
  // Empty lines are passed over. Nothing at the end.
  std::optional<Row> next();
  std::uint64_t position() const { return lines_.position(); }

 private:
  bool split_record(std::string& problem);
  bool take_quoted(std::size_t& at, std::string& cell, std::string& problem);
  void read_arff_header();
  void split_plain();
  bool too_many(std::size_t cells) const;
  std::optional<LineReader::Line> next_line();

  // A line kept beyond the reader's next call.
  struct HeldLine {
    std::uint64_t number = 0;
    std::string text;
    bool too_long = false;
  };

  LineReader lines_;
  std::string file_;
  char delimiter_ = ',';
  std::vector<std::string> header_;
  bool arff_ = false;
  std::uint64_t first_line_ = 1;
  bool first_is_data_ = false;  // `record_` holds a row that next() has not handed out
  std::string record_;
  std::vector<std::string> texts_;  // the cells of a record with quotes
  std::vector<std::string_view> cells_;
  std::deque<HeldLine> pending_;     // lines to read again
  std::vector<HeldLine> swallowed_;  // by a quoted cell
  HeldLine line_;
};

}  // namespace cangong
