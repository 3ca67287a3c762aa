// Examples -> a trained pipeline.
#pragma once

#include <functional>
#include <string>

#include "cohort/task.h"
#include "train/examples.h"
#include "train/pipeline.h"

namespace cangong {

struct TrainContext {
  std::size_t threads = 1;
  fs::path work;         // where resumable state lies; empty: nowhere
  bool dry_run = false;  // stops before anything is fitted but the encoder
  std::function<void(const std::string&)> say = [](const std::string&) {};
};

struct TrainInput {
  const Store& store;
  std::vector<LabelRow> rows;
  Recipe recipe;
  std::string task_name, task_text;
  struct Further {
    std::string task, text;
    std::vector<LabelRow> rows;
  };
  std::vector<Further> also = {};  // the recipe's, in its order
};

// Throws Fault::input or Fault::config where the data cannot give an honest model.
Pipeline train(const TrainInput& input, const TrainContext& context);

}  // namespace cangong
