#include "source/table.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace cangong {
namespace {

struct Kind {
  std::array<std::string_view, 5> endings;
  std::unique_ptr<Table> (*open)(const fs::path& path, const TableFormat& format);
};

// A new kind of table is one file and one line here.
constexpr std::array kKinds{
    Kind{{".csv", ".tsv", ".psv", ".arff", ".data"}, open_delimited},
    Kind{{".parquet", ".pq"}, open_parquet},
    Kind{{".npy", ".npz"}, open_numpy},
};

const Kind* kind_of(const fs::path& path) {
  const std::string name = unpacked_name(path);
  for (const Kind& kind : kKinds)
    for (const auto ending : kind.endings)
      if (!ending.empty() && name.ends_with(ending)) return &kind;
  return nullptr;
}

}  // namespace

bool is_table(const fs::path& path) {
  return kind_of(path) != nullptr;
}

std::unique_ptr<Table> open_table(const fs::path& path, const TableFormat& format) {
  const Kind* kind = kind_of(path);
  return kind ? kind->open(path, format) : open_delimited(path, format);
}

std::optional<std::size_t> column_named(const Table& table,
                                        std::initializer_list<std::string_view> names) {
  for (std::size_t i = 0; i < table.header().size(); ++i)
    if (std::find(names.begin(), names.end(), lower(table.header()[i])) != names.end()) return i;
  return std::nullopt;
}

// Without recursion: on a mismatch the last * takes one more.
bool fits(std::string_view name, std::string_view pattern) {
  std::size_t n = 0, p = 0, star = SIZE_MAX, resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++n, ++p;
    } else if (star != SIZE_MAX) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace cangong
