// An ONNX model, built node by node: what other programs need to compute the same answers.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace cangong {

// Names of tensors are made here; functions that add a node return the name of its output. Written
// as ONNX IR version 8 with operator sets ai.onnx 17 and ai.onnx.ml 3 (onnx.proto of ONNX 1.12).
class OnnxGraph {
 public:
  using Tensor = std::string;
  using Attribute = std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>,
                                 std::vector<float>, std::vector<std::string>>;
  using Attributes = std::vector<std::pair<std::string, Attribute>>;
  enum class Type { real32 = 1, int64 = 7, boolean = 9, real64 = 11 };

  // The one input: `name`, rows x columns of 32-bit reals; NaN stands for a missing value.
  OnnxGraph(std::string name, std::size_t columns);

  // What the model sees: the input, or those of its columns that were chosen.
  const Tensor& features() const { return features_; }
  void choose(const std::vector<std::size_t>& columns);

  // Constants; `shape` multiplies to the number of values.
  Tensor constant(const std::vector<double>& values, const std::vector<std::int64_t>& shape);
  Tensor constant(const std::vector<float>& values, const std::vector<std::int64_t>& shape);
  Tensor constant(const std::vector<std::int64_t>& values);
  Tensor constant(double value) { return constant(std::vector{value}, {}); }

  Tensor add(const std::string& operation, const std::vector<Tensor>& inputs,
             const Attributes& attributes = {});
  // Of the operators for classical models.
  Tensor add_ml(const std::string& operation, const std::vector<Tensor>& inputs,
                const Attributes& attributes);
  Tensor cast(const Tensor& tensor, Type type);

  // What the model answers with: rows x columns of 64-bit reals, in the order of the calls.
  void answer(const std::string& name, const Tensor& tensor, std::size_t columns);
  void note(const std::string& key, const std::string& value);

  std::string save(const std::string& producer_version) const;

 private:
  Tensor fresh() { return "t" + std::to_string(made_++); }
  Tensor store(Type type, const void* data, std::size_t bytes,
               const std::vector<std::int64_t>& shape);
  Tensor node(const std::string& operation, const std::string& domain,
              const std::vector<Tensor>& inputs, const Attributes& attributes,
              const Tensor& output);

  Tensor input_, features_;
  std::size_t columns_ = 0, made_ = 0;
  std::string nodes_, constants_, answers_, notes_;  // as they stand in the file
};

}  // namespace cangong
