// Labelled rows as what a model learns from: targets, and encoded tables.
#pragma once

#include <string>
#include <vector>

#include "base/digest.h"
#include "encode/encoder.h"
#include "model/dataset.h"

namespace cangong {

// The answers of rows as targets; rows without a label are left out of both. Classes are numbered
// in the order of their names, or as `classes` says.
struct Examples {
  std::vector<LabelRow> rows;
  Targets targets;
  std::size_t unknown = 0;  // rows left out because their class is none of `classes`
};
Examples examples_of(const std::vector<LabelRow>& rows, std::size_t cause,
                     const std::vector<std::string>& classes = {});

// Those of the given numbers, in their order.
Examples take(const Examples& examples, const std::vector<std::size_t>& chosen);

// Encodes examples with a fitted encoder.
Dataset dataset_of(const Store& store, const Encoder& encoder, const Examples& examples,
                   std::size_t threads);

// Identifies rows and their labels.
Digest digest_of_rows(const std::vector<LabelRow>& rows);

}  // namespace cangong
