// A delimited table: CSV, TSV, PSV (RFC 4180 quoting) or ARFF, plain or gzip.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "source/table.h"

namespace cangong {

class DelimitedTable : public Table {
 public:
  // Throws Fault::input where the header names a column twice.
  DelimitedTable(const fs::path& path, const TableFormat& format);

  // The cells of the first line, whether it is a header or not.
  static std::vector<std::string> first_row(const fs::path& path);

  const std::vector<std::string>& header() const override { return header_; }
  char delimiter() const { return delimiter_; }

  // Empty lines are passed over.
  std::optional<Row> next() override;
  std::uint64_t position() const override { return lines_.position(); }

 private:
  explicit DelimitedTable(const fs::path& path);
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
