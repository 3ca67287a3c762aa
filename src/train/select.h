// Which columns a model sees: those with the strongest association with the answer, one by one, on
// the training rows.
#pragma once

#include <vector>

#include "base/config.h"
#include "model/dataset.h"

namespace cangong {

struct SelectOptions {
  static constexpr bool is_config = true;
  std::size_t keep = 0;
  template <class V>
  void visit(V& v) {
    v("keep", keep, "how many columns; 0: all");
  }
};

// Numbers of the kept columns, ascending. Association is Kendall-like: the C-index of the column
// against the answer (survival: with censoring) and of its being there at all, whichever lies
// farther from 1/2.
std::vector<std::size_t> select_columns(const Dataset& train, const SelectOptions& options);

}  // namespace cangong
