// Labelled rows as what a model learns from: targets, and encoded tables.
#pragma once

#include <string>
#include <vector>

#include "base/digest.h"
#include "encode/encoder.h"
#include "model/dataset.h"

namespace cangong {

// What the causes of a survival outcome that are not the event do: they compete (the answer is the
// cumulative incidence of the event), or they censor (the answer is the risk as if they were not).
enum class Others { compete, censor };
struct CauseOptions {
  std::size_t number = 1;  // of the cause that is the event
  Others others = Others::compete;
};

// The answers of rows as targets; rows without a label are left out of both. Classes are numbered
// in the order of their names, or as `classes` says.
struct Examples {
  std::vector<LabelRow> rows;
  Targets targets;
  std::vector<FurtherTargets> also;
  std::size_t unknown = 0;  // rows left out because their class is none of `classes`
};
Examples examples_of(const std::vector<LabelRow>& rows, const CauseOptions& cause,
                     const std::vector<std::string>& classes = {});

// What another task says about the same patients at the same moments; all NaN where it says
// nothing about them.
FurtherTargets further_targets(const Examples& examples, const std::string& task,
                               const std::vector<LabelRow>& rows, const CauseOptions& cause,
                               const std::vector<std::string>& classes = {});

// Those of the given numbers, in their order.
Examples take(const Examples& examples, const std::vector<std::size_t>& chosen);

struct FitOptions {
  std::size_t threads = 1;
  std::uint64_t seed = 1;
};
// Encodes examples with a fitted encoder; where causes compete, draws the times of those who left.
Dataset dataset_of(const Store& store, const Encoder& encoder, const Examples& examples,
                   const FitOptions& options);

// Identifies rows and their labels.
Digest digest_of_rows(const std::vector<LabelRow>& rows);

}  // namespace cangong
