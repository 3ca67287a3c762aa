#include <array>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "source/source.h"

namespace cangong {
namespace {

// A new format is one file and one line here.
constexpr std::array kSources{
    Source{"fhir", "FHIR R4: NDJSON of a bulk export (.gz too), bundles, single resources",
           read_fhir},
    Source{"omop", "OMOP CDM 5.3 and 5.4 tables, as CSV (.gz too) or Parquet", read_omop},
    Source{"meds", "MEDS 0.3 and 0.4 data sets (Parquet)", read_meds},
    Source{"delphi", "Delphi's train.bin and val.bin, with labels.csv beside them", read_delphi},
    Source{"ontology", "what stands above the store's codes: a table of code, parent, name, or OBO",
           read_ontology},
    Source{"csv", "tables as CSV, TSV, PSV, ARFF, Parquet, npy or npz, through a mapping file",
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
