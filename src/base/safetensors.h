// Arrays of numbers by name, as the field stores weights: the safetensors format (a length, a JSON
// header, the bytes).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cangong {

struct NamedArray {
  std::vector<std::size_t> shape;
  std::vector<float> values;  // row-major
};
using NamedArrays = std::map<std::string, NamedArray>;

// As float32. `about`: texts that travel with the arrays.
std::string write_safetensors(const NamedArrays& arrays,
                              const std::map<std::string, std::string>& about = {});

struct Safetensors {
  NamedArrays arrays;
  std::map<std::string, std::string> about;
};
// F32, F64 and BF16. Throws Fault::storage, naming `file`, where the bytes are anything else.
Safetensors read_safetensors(std::string_view bytes, const std::string& file);

}  // namespace cangong
