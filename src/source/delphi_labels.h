// What Delphi's ids stand for (Shmatko et al. 2025): labels.csv, a name in each line, whose line r
// (from 0) names the id r.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"

namespace cangong {

struct DelphiLabel {
  std::string code, description;  // empty code: no event that has one, such as "CXX Unknown Cancer"
};
// "A00 (cholera)", "O01 Hydatidiform mole", "Smoking_low", "Female", "Death" as codes. Throws
// Fault::input where it is not such a file.
std::vector<DelphiLabel> read_delphi_labels(const fs::path& file);

}  // namespace cangong
