#include "base/onnx_graph.h"

#include <bit>

#include "base/error.h"

namespace cangong {
namespace {

static_assert(std::endian::native == std::endian::little, "raw data of ONNX is little-endian");

// Fields as the Protocol Buffers encoding writes them: a key (number * 8 + kind), then the value.
enum WireKind : unsigned { kVarint = 0, kLengthDelimited = 2, kFixed32 = 5 };

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void put_key(std::string& out, unsigned field, WireKind kind) {
  put_varint(out, field << 3 | kind);
}

void put_integer(std::string& out, unsigned field, std::int64_t value) {
  put_key(out, field, kVarint);
  put_varint(out, static_cast<std::uint64_t>(value));
}

void put_bytes(std::string& out, unsigned field, std::string_view bytes) {
  put_key(out, field, kLengthDelimited);
  put_varint(out, bytes.size());
  out += bytes;
}

void put_real(std::string& out, unsigned field, float value) {
  put_key(out, field, kFixed32);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// One AttributeProto; the last field says of which kind it is.
struct AttributeWriter {
  std::string& out;

  void operator()(std::int64_t value) const {
    put_integer(out, 3, value);
    put_integer(out, 20, 2);
  }
  void operator()(float value) const {
    put_real(out, 2, value);
    put_integer(out, 20, 1);
  }
  void operator()(const std::string& value) const {
    put_bytes(out, 4, value);
    put_integer(out, 20, 3);
  }
  void operator()(const std::vector<std::int64_t>& values) const {
    for (const std::int64_t value : values) put_integer(out, 8, value);
    put_integer(out, 20, 7);
  }
  void operator()(const std::vector<float>& values) const {
    for (const float value : values) put_real(out, 7, value);
    put_integer(out, 20, 6);
  }
  void operator()(const std::vector<std::string>& values) const {
    for (const std::string& value : values) put_bytes(out, 9, value);
    put_integer(out, 20, 8);
  }
};

// A ValueInfoProto: a table of as many rows as there are.
std::string value_info(const std::string& name, OnnxGraph::Type type, std::size_t columns) {
  std::string rows, width, shape, tensor, kind, info;
  put_bytes(rows, 2, "rows");
  put_integer(width, 1, static_cast<std::int64_t>(columns));
  put_bytes(shape, 1, rows);
  put_bytes(shape, 1, width);
  put_integer(tensor, 1, static_cast<std::int64_t>(type));
  put_bytes(tensor, 2, shape);
  put_bytes(kind, 1, tensor);
  put_bytes(info, 1, name);
  put_bytes(info, 2, kind);
  return info;
}

}  // namespace

OnnxGraph::OnnxGraph(std::string name, std::size_t columns)
    : input_(std::move(name)), features_(input_), columns_(columns) {}

void OnnxGraph::choose(const std::vector<std::size_t>& columns) {
  const Tensor chosen = constant(std::vector<std::int64_t>(columns.begin(), columns.end()));
  features_ = add("Gather", {input_, chosen}, {{"axis", std::int64_t{1}}});
}

OnnxGraph::Tensor OnnxGraph::store(Type type, const void* data, std::size_t bytes,
                                   const std::vector<std::int64_t>& shape) {
  const Tensor name = fresh();
  std::string tensor;
  for (const std::int64_t length : shape) put_integer(tensor, 1, length);
  put_integer(tensor, 2, static_cast<std::int64_t>(type));
  put_bytes(tensor, 8, name);
  put_bytes(tensor, 9, {static_cast<const char*>(data), bytes});
  put_bytes(constants_, 5, tensor);
  return name;
}

OnnxGraph::Tensor OnnxGraph::constant(const std::vector<double>& values,
                                      const std::vector<std::int64_t>& shape) {
  return store(Type::real64, values.data(), values.size() * sizeof(double), shape);
}
OnnxGraph::Tensor OnnxGraph::constant(const std::vector<float>& values,
                                      const std::vector<std::int64_t>& shape) {
  return store(Type::real32, values.data(), values.size() * sizeof(float), shape);
}
OnnxGraph::Tensor OnnxGraph::constant(const std::vector<std::int64_t>& values) {
  return store(Type::int64, values.data(), values.size() * sizeof(std::int64_t),
               {static_cast<std::int64_t>(values.size())});
}

OnnxGraph::Tensor OnnxGraph::node(const std::string& operation, const std::string& domain,
                                  const std::vector<Tensor>& inputs, const Attributes& attributes,
                                  const Tensor& output) {
  std::string text;
  for (const Tensor& input : inputs) put_bytes(text, 1, input);
  put_bytes(text, 2, output);
  put_bytes(text, 4, operation);
  for (const auto& [name, value] : attributes) {
    std::string attribute;
    put_bytes(attribute, 1, name);
    std::visit(AttributeWriter{attribute}, value);
    put_bytes(text, 5, attribute);
  }
  if (!domain.empty()) put_bytes(text, 7, domain);
  put_bytes(nodes_, 1, text);
  return output;
}

OnnxGraph::Tensor OnnxGraph::add(const std::string& operation, const std::vector<Tensor>& inputs,
                                 const Attributes& attributes) {
  return node(operation, "", inputs, attributes, fresh());
}
OnnxGraph::Tensor OnnxGraph::add_ml(const std::string& operation, const std::vector<Tensor>& inputs,
                                    const Attributes& attributes) {
  return node(operation, "ai.onnx.ml", inputs, attributes, fresh());
}
OnnxGraph::Tensor OnnxGraph::cast(const Tensor& tensor, Type type) {
  return add("Cast", {tensor}, {{"to", static_cast<std::int64_t>(type)}});
}

void OnnxGraph::answer(const std::string& name, const Tensor& tensor, std::size_t columns) {
  node("Cast", "", {tensor}, {{"to", static_cast<std::int64_t>(Type::real64)}}, name);
  put_bytes(answers_, 12, value_info(name, Type::real64, columns));
}

void OnnxGraph::note(const std::string& key, const std::string& value) {
  std::string entry;
  put_bytes(entry, 1, key);
  put_bytes(entry, 2, value);
  put_bytes(notes_, 14, entry);
}

std::string OnnxGraph::save(const std::string& producer_version) const {
  ensure(!answers_.empty(), "an ONNX model answers with something");
  std::string graph = nodes_;
  put_bytes(graph, 2, "model");
  graph += constants_;
  put_bytes(graph, 11, value_info(input_, Type::real32, columns_));
  graph += answers_;
  std::string model;
  put_integer(model, 1, 8);
  put_bytes(model, 2, "cangong");
  put_bytes(model, 3, producer_version);
  put_bytes(model, 7, graph);
  for (const auto& [domain, version] : {std::pair{"", 17}, std::pair{"ai.onnx.ml", 3}}) {
    std::string set;
    put_bytes(set, 1, domain);
    put_integer(set, 2, version);
    put_bytes(model, 8, set);
  }
  return model + notes_;
}

}  // namespace cangong
