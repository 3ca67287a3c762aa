// Examples -> a trained pipeline.
#pragma once

#include <functional>
#include <string>

#include "cohort/task.h"
#include "train/pipeline.h"

namespace cangong {

struct TrainContext {
  std::size_t threads = 1;
  fs::path work;  // where resumable state lies; empty: nowhere
  std::function<void(const std::string&)> say = [](const std::string&) {};
};

struct TrainInput {
  const Store& store;
  std::vector<LabelRow> rows;
  Recipe recipe;
  std::string task_name, task_text;
};

// The answers of rows as targets; rows without a label are left out of both. Classes are numbered
// in the order of their names, or as `classes` says.
struct Examples {
  std::vector<LabelRow> rows;
  Targets targets;
};
Examples examples_of(const std::vector<LabelRow>& rows, std::size_t cause,
                     const std::vector<std::string>& classes = {});

// Encodes examples with a fitted encoder.
Dataset dataset_of(const Store& store, const Encoder& encoder, const Examples& examples,
                   std::size_t threads);

// Identifies rows and their labels.
Digest digest_of_rows(const std::vector<LabelRow>& rows);

// Throws Fault::input or Fault::config where the data cannot give an honest model.
Pipeline train(const TrainInput& input, const TrainContext& context);

}  // namespace cangong
