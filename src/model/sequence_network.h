// The forward pass of networks that read steps one after the other, in plain C++.
#pragma once

#include <span>
#include <vector>

#include "model/neural.h"

namespace cangong {

// GRU (Cho et al. 2014), LSTM (Hochreiter and Schmidhuber 1997) or a transformer encoder (Vaswani
// et al. 2017) over the steps of a row. The state after the last step, or the mean over steps that
// attend to each other, goes through a feed-forward network beside the row's facts.
class SequenceNetwork {
 public:
  SequenceNetwork() = default;
  // `layers` as the trainer gives them. Throws std::out_of_range where there are too few.
  SequenceNetwork(NetworkShape shape, const std::vector<Layer>& layers);

  const NetworkShape& shape() const { return shape_; }
  std::size_t outputs() const { return head_.outputs(); }
  std::size_t row_width() const { return shape_.facts + shape_.steps * shape_.channels + 1; }
  // x: rows x row_width() (NetworkShape). A row's bytes do not depend on the rows beside it.
  RealMatrix forward(const Matrix& x) const;

 private:
  // A linear map with its weights by input, so that inputs of 0 cost nothing.
  struct Linear {
    std::size_t in = 0, out = 0;
    std::vector<float> by_input, bias;
    Linear() = default;
    explicit Linear(const Layer& layer);
    void apply(std::span<const float> x, std::span<float> y) const;
  };
  struct Recurrent {
    Linear input, state;
  };
  struct Block {
    Layer before, between;
    Linear project, join, widen, narrow;
  };

  std::vector<float> read(std::span<const float> steps, std::size_t count) const;
  Matrix gru(const Recurrent& layer, const Matrix& steps) const;
  Matrix lstm(const Recurrent& layer, const Matrix& steps) const;
  void attend(const Block& block, Matrix& h) const;
  std::vector<float> mean_of(const Matrix& h) const;

  NetworkShape shape_;
  std::vector<Recurrent> recurrent_;
  Linear embed_;
  Layer place_, last_;
  std::vector<Block> blocks_;
  Network head_;
};

}  // namespace cangong
