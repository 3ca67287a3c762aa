// The weights of a decoder as its kernels read them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "kernel/floats.h"
#include "model/delphi_network.h"

namespace cangong {

// Refused by what computes with libtorch.
inline constexpr const char* kAdditiveByKernels =
    "a model with an additive part (model: additive) is computed by processors alone so far; leave "
    "out --device";

// A matrix packed for MatrixProduct::b.
struct Packed {
  Floats panels;
  PackedWords halves;  // HalfProduct::b, where it is kept in bfloat16 as well
  std::size_t inner = 0, columns = 0;
};

// All weights in one array, in the order of DelphiShape::weights(), and each matrix packed twice:
// for x W^T, the way forward, and for x W, the way back.
class DecoderWeights {
 public:
  struct Layer {  // numbers of weights
    std::size_t norm1, qkv, projection, norm2, up, down;
  };
  enum class Ways { forward, both };

  DecoderWeights(const DelphiShape& shape, Ways ways);
  // Throws Fault::model where a weight is missing or of another size.
  DecoderWeights(const DelphiShape& shape, const DelphiNetwork<float>::Weights& weights, Ways ways);

  const DelphiShape& shape() const { return shape_; }
  std::size_t size() const { return all_.size(); }
  float* data() { return all_.data(); }
  const float* data() const { return all_.data(); }
  std::size_t count() const { return table_.size(); }
  const DelphiShape::Weight& about(std::size_t number) const { return table_[number]; }
  std::size_t offset(std::size_t number) const { return offsets_[number]; }
  const float* at(std::size_t number) const { return all_.data() + offsets_[number]; }
  Layer layer(std::size_t number) const;
  std::size_t embedding() const { return 0; }
  std::size_t ages() const { return 1; }
  std::size_t last_norm() const { return 2 + 6 * shape_.layers; }
  std::size_t additive() const { return last_norm() + 1; }  // where the shape has it
  // What an event ever had adds to the last state.
  const float* additive_of(std::int32_t id) const {
    return at(additive()) + static_cast<std::size_t>(id) * shape_.width;
  }

  // How the way forward of single rows reads them; float32 unless it is said otherwise. Throws
  // Fault::config where heads of an odd width forbid bfloat16.
  void set_format(FloatFormat format);
  FloatFormat format() const { return format_; }
  // After the weights changed.
  void pack(std::size_t threads = 1);
  const Packed& forward(std::size_t number) const { return forward_[number]; }
  const Packed& back(std::size_t number) const { return back_[number]; }
  DelphiNetwork<double>::Weights named() const;

 private:
  DelphiShape shape_;
  Ways ways_;
  FloatFormat format_ = FloatFormat::float32;
  std::vector<DelphiShape::Weight> table_;
  std::vector<std::size_t> offsets_;
  Floats all_;
  std::vector<Packed> forward_, back_;
};

// out = x times a packed matrix, or is added to.
struct Rows2D {
  float* at;
  std::size_t rows, stride;
};
void multiply(const Rows2D& x, const Packed& weight, const Rows2D& out,
              MatrixProduct::Into into = MatrixProduct::Into::set);

// The same by number, in the weights' format; `scratch` is made as large as is needed.
void multiply(const DecoderWeights& weights, const Rows2D& x, std::size_t number, const Rows2D& out,
              Floats& scratch, MatrixProduct::Into into = MatrixProduct::Into::set);

// What a row begins as: its event's vector and its age's. `phases`: as large as x.
struct DecoderInput {
  std::span<const std::int32_t> ids;
  std::span<const float> days;  // ages
};
void embed_rows(const DecoderWeights& weights, const DecoderInput& input, const Rows2D& phases,
                const Rows2D& x);

// Sines and cosines of an age at each of width / 2 speeds.
void age_phases(float days, std::size_t width, float* out);

}  // namespace cangong
