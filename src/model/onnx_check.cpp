#include "model/onnx_check.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"

namespace cangong {
namespace {

constexpr int kDeepest = 32;  // graphs inside of graphs

[[noreturn]] void no_model() {
  fail(Fault::config, "the file is no ONNX model");
}

struct Field {
  std::uint64_t number = 0, integer = 0;
  std::string_view bytes;
};

// The fields of one message, as the Protocol Buffers encoding has them.
class Message {
 public:
  explicit Message(std::string_view bytes) : left_(bytes) {}

  std::optional<Field> next() {
    if (left_.empty()) return std::nullopt;
    const std::uint64_t key = varint();
    if (key > UINT32_MAX) no_model();
    Field field{key >> 3, 0, {}};
    switch (key & 7) {
      case 0:
        field.integer = varint();
        break;
      case 1:
        field.bytes = take(8);
        break;
      case 2:
        field.bytes = take(varint());
        break;
      case 5:
        field.bytes = take(4);
        break;
      default:
        no_model();
    }
    return field;
  }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1).front());
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    no_model();
  }
  std::string_view take(std::uint64_t size) {
    if (size > left_.size()) no_model();
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }

  std::string_view left_;
};

void check_tensor(std::string_view bytes) {
  Message tensor(bytes);
  while (const auto field = tensor.next())
    if (field->number == 13 || (field->number == 14 && field->integer != 0))  // external_data
      fail(Fault::config, "the ONNX model names other files for its weights; save it as one file");
}

void check_sparse(std::string_view bytes) {
  Message sparse(bytes);
  while (const auto field = sparse.next())
    if (field->number == 1 || field->number == 2) check_tensor(field->bytes);  // values, indices
}

void check_graph(std::string_view bytes, int depth);

void check_attribute(std::string_view bytes, int depth) {
  Message attribute(bytes);
  while (const auto field = attribute.next()) {
    if (field->number == 5 || field->number == 10) check_tensor(field->bytes);
    if (field->number == 6 || field->number == 11) check_graph(field->bytes, depth + 1);
    if (field->number == 22 || field->number == 23) check_sparse(field->bytes);
  }
}

void check_node(std::string_view bytes, int depth) {
  Message node(bytes);
  while (const auto field = node.next()) {
    if (field->number == 4 && (field->bytes == "Loop" || field->bytes == "Scan"))
      fail(Fault::config, "the ONNX model loops (" + std::string(field->bytes) +
                              "): how long an answer takes would have no bound");
    if (field->number == 5) check_attribute(field->bytes, depth);
  }
}

void check_graph(std::string_view bytes, int depth) {
  if (depth > kDeepest) no_model();
  Message graph(bytes);
  while (const auto field = graph.next()) {
    if (field->number == 1) check_node(field->bytes, depth);
    if (field->number == 5) check_tensor(field->bytes);
    if (field->number == 15) check_sparse(field->bytes);
  }
}

void check_function(std::string_view bytes) {
  Message function(bytes);
  while (const auto field = function.next()) {
    if (field->number == 7) check_node(field->bytes, 0);
    if (field->number == 11) check_attribute(field->bytes, 0);
  }
}

}  // namespace

void require_plain_onnx(std::string_view bytes) {
  // ONNX Runtime takes a format of its own, too, which is not looked into here.
  if (bytes.empty() || bytes.substr(0, 8).substr(std::min<std::size_t>(bytes.size(), 4)) == "ORTM")
    no_model();
  Message model(bytes);
  bool has_graph = false;
  while (const auto field = model.next()) {
    if (field->number == 7) check_graph(field->bytes, 0);
    if (field->number == 20) fail(Fault::config, "the ONNX model is made for training");
    if (field->number == 25) check_function(field->bytes);
    has_graph |= field->number == 7;
  }
  if (!has_graph) no_model();
}

}  // namespace cangong
