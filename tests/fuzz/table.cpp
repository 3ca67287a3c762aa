// Any bytes as a table: an Error, rows with problems, or rows as wide as the header.
#include "source/delimited_table.h"

#include "base/error.h"
#include "one_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cangong;
  static const TempFolder folder;
  const char* names[] = {"t.csv", "t.tsv", "t.arff"};
  const fs::path file = folder.path() / names[size % 3];
  file_of(file, data, size);
  try {
    DelimitedTable table(file, {});
    while (const auto row = table.next())
      ensure(!row->problem.empty() || row->cells->size() == table.header().size(),
             "a row without a problem is as wide as the header");
  } catch (const Error& error) {
    ensure(error.fault != Fault::internal, error.what());
  }
  return 0;
}
