#include "base/safetensors.h"

#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace cangong {
namespace {

constexpr std::size_t kLength = 8;             // bytes that tell the header's
constexpr std::size_t kMostHeader = 64 << 20;  // bytes

float bfloat(const char* at) {
  std::uint16_t half;
  std::memcpy(&half, at, sizeof half);
  return std::bit_cast<float>(std::uint32_t{half} << 16);
}

template <class T>
float value_as(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return static_cast<float>(value);
}

struct Kind {
  const char* name;
  std::size_t bytes;
  float (*read)(const char*);
};
constexpr Kind kReadable[] = {
    {"F32", 4, value_as<float>}, {"F64", 8, value_as<double>}, {"BF16", 2, bfloat}};

NamedArray array_of(const nlohmann::json& about, std::string_view data) {
  NamedArray array;
  const std::string type = about.at("dtype");
  const Kind* kind = nullptr;
  for (const Kind& one : kReadable)
    if (type == one.name) kind = &one;
  if (!kind) throw std::invalid_argument("numbers of type " + type);
  array.shape = about.at("shape").get<std::vector<std::size_t>>();
  std::size_t count = 1;
  for (const std::size_t side : array.shape) {
    if (side != 0 && count > data.size() / side) throw std::invalid_argument("a shape too large");
    count *= side;
  }
  const std::size_t from = about.at("data_offsets").at(0), to = about.at("data_offsets").at(1);
  if (from > to || to > data.size() || to - from != count * kind->bytes)
    throw std::invalid_argument("an array beyond the end");
  array.values.resize(count);
  for (std::size_t i = 0; i < count; ++i)
    array.values[i] = kind->read(data.data() + from + i * kind->bytes);
  return array;
}

}  // namespace

std::string write_safetensors(const NamedArrays& arrays,
                              const std::map<std::string, std::string>& about) {
  nlohmann::ordered_json header;
  if (!about.empty()) header["__metadata__"] = about;
  std::size_t next = 0;
  for (const auto& [name, array] : arrays) {
    const std::size_t bytes = array.values.size() * sizeof(float);
    header[name] = {
        {"dtype", "F32"}, {"shape", array.shape}, {"data_offsets", {next, next + bytes}}};
    next += bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the arrays begin at a multiple of eight
  const std::uint64_t length = text.size();
  std::string bytes(reinterpret_cast<const char*>(&length), kLength);
  bytes.reserve(kLength + text.size() + next);
  bytes += text;
  for (const auto& [name, array] : arrays)
    bytes.append(reinterpret_cast<const char*>(array.values.data()),
                 array.values.size() * sizeof(float));
  return bytes;
}

Safetensors read_safetensors(std::string_view bytes, const std::string& file) {
  const auto refuse = [&](const std::string& why) {
    fail(Fault::storage, file + " is damaged, or no safetensors file: " + why);
  };
  std::uint64_t length = 0;
  if (bytes.size() < kLength) refuse("it is too short");
  std::memcpy(&length, bytes.data(), kLength);
  if (length > kMostHeader || length > bytes.size() - kLength) refuse("its header is cut off");
  Safetensors all;
  try {
    const auto header = nlohmann::json::parse(bytes.substr(kLength, length));
    std::size_t numbers = 0;
    for (const auto& [name, about] : header.items()) {
      if (name == "__metadata__") {
        all.about = about.get<std::map<std::string, std::string>>();
        continue;
      }
      NamedArray array = array_of(about, bytes.substr(kLength + length));
      if (2 * (numbers += array.values.size()) > bytes.size())  // two bytes each at least
        throw std::invalid_argument("its arrays overlap");
      all.arrays.emplace(name, std::move(array));
    }
  } catch (const nlohmann::json::exception&) {
    refuse("its header is not the JSON that it should be");
  } catch (const std::invalid_argument& error) {
    refuse(error.what());
  }
  return all;
}

}  // namespace cangong
