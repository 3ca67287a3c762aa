#include "model/shrink.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/error.h"
#include "base/text.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::pair<std::string_view, Precision> kPrecisions[] = {
    {"float32", Precision::float32}, {"bf16", Precision::bf16}, {"int8", Precision::int8}};
constexpr float kMostInt8 = 127;

std::uint16_t upper_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

float of_upper_half(std::uint16_t half) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16);
}

std::int8_t step_of(float weight, float scale) {
  return scale > 0 ? static_cast<std::int8_t>(std::lround(weight / scale)) : std::int8_t{0};
}

void prune(Layer& layer, double share) {
  if (layer.in == 1 || layer.out == 1) return;
  std::vector<std::size_t> order(layer.weights.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto most = static_cast<std::size_t>(share * static_cast<double>(order.size()));
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::abs(layer.weights[a]) < std::abs(layer.weights[b]);
  });
  for (std::size_t k = 0; k < most; ++k) layer.weights[order[k]] = 0;
}

void round_to_int8(Layer& layer) {
  layer.scales.assign(layer.out, 0);
  for (std::size_t o = 0; o < layer.out; ++o) {
    const auto row = std::span(layer.weights).subspan(o * layer.in, layer.in);
    float largest = 0;
    for (const float w : row) largest = std::max(largest, std::abs(w));
    const float scale = layer.scales[o] = largest / kMostInt8;
    for (float& w : row) w = static_cast<float>(step_of(w, scale)) * scale;
  }
}

std::string packed_weights(const Layer& layer) {
  std::string bytes;
  for (std::size_t i = 0; i < layer.weights.size(); ++i) {
    if (layer.precision == Precision::int8) {
      bytes += static_cast<char>(step_of(layer.weights[i], layer.scales[i / layer.in]));
      continue;
    }
    const std::uint16_t half = upper_half(layer.weights[i]);
    bytes += static_cast<char>(half & 0xff), bytes += static_cast<char>(half >> 8);
  }
  return base64url(bytes);
}

void unpack_weights(const std::string& text, Layer& layer) {
  const std::size_t width = layer.precision == Precision::int8 ? 1 : 2;
  const auto bytes = from_base64url(text);
  const std::size_t count = layer.in * layer.out;
  if (!bytes || bytes->size() != count * width || (width == 1 && layer.scales.size() != layer.out))
    fail(Fault::storage, "the weights of a network are damaged");
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>((*bytes)[at]); };
  for (std::size_t i = 0; i < count; ++i)
    layer.weights.push_back(
        width == 1
            ? static_cast<float>(static_cast<std::int8_t>(byte(i))) * layer.scales[i / layer.in]
            : of_upper_half(static_cast<std::uint16_t>(byte(2 * i) | byte(2 * i + 1) << 8)));
}

}  // namespace

Precision precision_named(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [known, precision] : kPrecisions) {
    if (name == known) return precision;
    names.emplace_back(known);
  }
  fail(Fault::config, "unknown weights \"" + name + "\"" + suggestion(name, names));
}

void shrink(std::vector<Layer>& layers, const ShrinkOptions& options) {
  for (Layer& layer : layers) {
    if (options.prune > 0) prune(layer, options.prune);
    layer.precision = options.precision;
    if (options.precision == Precision::int8) round_to_int8(layer);
    if (options.precision == Precision::bf16)
      for (float& w : layer.weights) w = of_upper_half(upper_half(w));
  }
}

std::string save_layers(const std::vector<Layer>& layers) {
  Json json = Json::array();
  for (const Layer& layer : layers) {
    Json item{{"in", layer.in}, {"out", layer.out}};
    if (layer.precision == Precision::float32) {
      item["weights"] = layer.weights;
    } else {
      item["precision"] = kPrecisions[static_cast<std::size_t>(layer.precision)].first;
      if (layer.precision == Precision::int8) item["scales"] = layer.scales;
      item["weights"] = packed_weights(layer);
    }
    item["bias"] = layer.bias;
    json.push_back(std::move(item));
  }
  return json.dump();
}

std::vector<Layer> load_layers(const std::string& saved) {
  std::vector<Layer> layers;
  for (const auto& item : Json::parse(saved)) {
    Layer layer{item.at("in"), item.at("out"), {}, item.at("bias").get<std::vector<float>>()};
    layer.precision = precision_named(item.value("precision", std::string("float32")));
    layer.scales = item.value("scales", std::vector<float>());
    if (layer.precision == Precision::float32)
      layer.weights = item.at("weights").get<std::vector<float>>();
    else
      unpack_weights(item.at("weights").get<std::string>(), layer);
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace cangong
