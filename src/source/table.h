// A table with named columns and cells of text, whatever file it lies in.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace cangong {

struct TableFormat {
  char delimiter = 0;                // 0: by the file's name, else by its first line
  std::vector<std::string> header;   // given: the file has none
  std::size_t skip = 0;              // lines before the header or the first row
  std::vector<std::string> members;  // npz: which arrays, with * and ?; all if empty
};

class Table {
 public:
  virtual ~Table() = default;
  virtual const std::vector<std::string>& header() const = 0;

  struct Row {
    const std::vector<std::string_view>* cells = nullptr;  // valid until the next call
    std::uint64_t line = 0;  // in the file; the number of the row where it has no lines
    std::string problem;     // not empty: the row cannot be read, and why
  };
  // Nothing at the end. An empty cell is a missing one.
  virtual std::optional<Row> next() = 0;
  // Bytes of the file consumed so far.
  virtual std::uint64_t position() const = 0;
};

// By the file's ending: CSV, TSV, PSV, ARFF (plain or .gz), Parquet, npy, npz. Throws Fault::input
// where it is no such table or names a column twice.
std::unique_ptr<Table> open_table(const fs::path& path, const TableFormat& format);
bool is_table(const fs::path& path);

// The first column that has one of these names, given in lower case; nothing where none has.
std::optional<std::size_t> column_named(const Table& table,
                                        std::initializer_list<std::string_view> names);

std::unique_ptr<Table> open_delimited(const fs::path& path, const TableFormat& format);
std::unique_ptr<Table> open_parquet(const fs::path& path, const TableFormat& format);
std::unique_ptr<Table> open_numpy(const fs::path& path, const TableFormat& format);

// Shell patterns with * and ?.
bool fits(std::string_view name, std::string_view pattern);

}  // namespace cangong
