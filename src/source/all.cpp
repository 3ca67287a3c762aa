#include <array>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "source/source.h"

namespace cangong {
namespace {

bool has_ending(const fs::path& path, std::initializer_list<std::string_view> endings) {
  const std::string name = unpacked_name(path);
  for (const auto ending : endings)
    if (name.ends_with(ending)) return true;
  return false;
}

// A new format is one file and one line here.
const std::array kSources{
    Source{"fhir", "FHIR R4: NDJSON of a bulk export (.gz too), bundles, single resources",
           [](const fs::path& p) {
             return has_ending(p, {".ndjson", ".json"});
           },
           read_fhir},
    Source{"meds", "MEDS 0.3 and 0.4 data sets (Parquet)",
           [](const fs::path& p) { return has_ending(p, {".parquet"}); }, read_meds},
    Source{"csv", "tables as CSV, TSV, PSV or ARFF, through a mapping file",
           [](const fs::path& p) {
             return has_ending(p, {".csv", ".tsv", ".psv", ".arff", ".data"});
           },
           read_csv},
};

}  // namespace

std::span<const Source> sources() {
  return kSources;
}

const Source& source_named(std::string_view name) {
  std::vector<std::string> names;
  for (const Source& source : kSources) {
    if (source.name == name) return source;
    names.emplace_back(source.name);
  }
  fail(Fault::config, "unknown format \"" + std::string(name) + "\"" + suggestion(name, names));
}

}  // namespace cangong
