// Features with gaps and scales of their own -> numbers that a linear model or a network can use.
#pragma once

#include <string>
#include <vector>

#include "base/config.h"
#include "base/matrix.h"
#include "base/onnx_graph.h"

namespace cangong {

struct PrepareOptions {
  static constexpr bool is_config = true;
  std::string impute = "mean";
  bool missing_flags = true;
  std::size_t bins = 0, pieces = 0;
  template <class V>
  void visit(V& v) {
    v("impute", impute, "what a missing value becomes: mean or median of the training rows");
    v("missing_flags", missing_flags, "a 0/1 column beside each column that is ever missing");
    v("bins", bins, "0, or 2 to 20 columns more per feature: which quantile its value lies in");
    v("pieces", pieces, "0, or 2 to 20: how far the value has come through each quantile");
  }
};
// Throws Fault::config where an option is out of its range.
void check_options(const PrepareOptions& options);

// Fitted on training rows, without looking at the answers: each column is centred and scaled to
// unit variance; a missing value becomes the mean or median, and a column that is ever missing gets
// a 0/1 flag; quantile bins, where asked for, are 0/1 columns too, all 0 for a missing value;
// pieces are the piecewise-linear encoding of Gorishniy, Rubachev and Babenko 2022: of each
// quantile the share that lies below the value, beyond the outer ones going on as a line.
class Normaliser {
 public:
  void fit(const Matrix& training, const PrepareOptions& options = {});
  // rows x outputs(); column j of the input comes first, then flags, bins, pieces.
  // `spare` columns of zeros are left at the end.
  RealMatrix apply(const Matrix& raw, std::size_t spare = 0) const;

  // The same as nodes of a graph, from its features; 64-bit.
  OnnxGraph::Tensor add_to(OnnxGraph& graph) const;

  std::size_t inputs() const { return mean_.size(); }
  std::size_t outputs() const { return inputs() + flags_.size() + bins_.size() + pieces_.size(); }
  // The input column behind an output.
  std::size_t source(std::size_t output) const {
    if (output < inputs()) return output;
    output -= inputs();
    if (output < flags_.size()) return flags_[output].column;
    output -= flags_.size();
    return output < bins_.size() ? bins_[output].column : pieces_[output - bins_.size()].column;
  }
  // By input column: the outputs that it decides.
  std::vector<std::vector<std::size_t>> groups() const;
  // Of an input column.
  double mean(std::size_t input) const { return mean_[input]; }
  double scale(std::size_t input) const { return scale_[input]; }

  std::string save() const;
  static Normaliser load(const std::string& saved);

 private:
  // A 0/1 column, centred and scaled: for flags, whether the value is missing; for bins, whether it
  // lies in [low, high).
  struct Indicator {
    std::size_t column = 0;
    double low = 0, high = 0, mean = 0, scale = 1;
  };
  // How far a value has come from low to high, 0 to 1; the outermost pieces go on as a line.
  struct Piece {
    std::size_t column = 0;
    double low = 0, high = 1;
    bool first = false, last = false;
    double mean = 0, scale = 1;
    double progress(double value) const;
  };
  void add_flag(std::size_t column, double missing);
  void add_bins(const Matrix& training, std::size_t column, std::size_t bins);
  void add_pieces(const Matrix& training, std::size_t column, std::size_t pieces);

  std::vector<double> mean_, scale_, fill_;  // `fill_`: what a missing value becomes, normalised
  std::vector<Indicator> flags_, bins_;
  std::vector<Piece> pieces_;
};

}  // namespace cangong
