// Models that were trained elsewhere, as ONNX files: taken as they are, judged as any other.
#pragma once

#include <vector>

#include "model/model.h"

namespace cangong {

struct OnnxOptions {
  static constexpr bool is_config = true;
  std::string kind = "onnx", file, output, says = "auto";
  std::vector<double> fill;
  template <class V>
  void visit(V& v) {
    v("kind", kind, "onnx");
    v("file", file,
      "beside the recipe: one input, a table whose columns are the encoder's `features`");
    v("output", output, "which of its outputs; needed where it is not plain");
    v("says", says, "auto, probability, or margin: log-odds, a value, a log hazard ratio");
    v("fill", fill, "what a missing value becomes: one number, or one for each column");
  }
};

// Learns nothing: the file is loaded and goes whole into the bundle. Throws Fault::config where the
// file, its columns or its answers do not fit the encoder and the task.
std::unique_ptr<Model> fit_onnx(const Node& options, const Dataset& train, const Dataset& tuning,
                                const FitContext& context);
std::unique_ptr<Model> load_onnx(const std::string& saved);

}  // namespace cangong
