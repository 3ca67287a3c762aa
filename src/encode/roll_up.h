// Codes under those that stand above them in their vocabularies (parents in codes.parquet).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "timeline/code_book.h"
#include "timeline/meds_tables.h"

namespace cangong {

// For each code that has others below it: the store's codes among those, and itself if it is one.
// A vocabulary with a ring in it gives each code once.
using Groups = std::map<std::string, std::vector<std::string>>;
Groups groups_of(const CodeBook& codes, const std::vector<CodeInfo>& infos);

}  // namespace cangong
