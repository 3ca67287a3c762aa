// The header of a .npy array (NumPy Enhancement Proposal 1) and the text of its cells. Arrays of
// Python objects are refused: reading them would run code.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cangong {

struct NumpyField {
  std::string name;      // empty unless the type is structured
  char kind = 0;         // b i u f S U M
  std::size_t size = 0;  // bytes of one value
  bool big_endian = false;
  std::string unit;  // of a datetime: D, s, ms, us, ns
};

struct NumpyHeader {
  std::vector<NumpyField> fields;  // one, unless the type is structured
  std::vector<std::size_t> shape;
  bool fortran_order = false;

  std::size_t rows() const { return shape.empty() ? 1 : shape[0]; }
  // Values of one row, each with all fields.
  std::size_t values_per_row() const;
  std::size_t bytes_per_value() const;
};

// How long the part before the array is, from its first 12 bytes; 0 where it is no array.
std::size_t numpy_header_length(std::string_view first_bytes);
// Throws Fault::input, naming the array, where the header is wrong or the type is not one of cells.
NumpyHeader parse_numpy_header(std::string_view bytes, const std::string& what);

// Appends the value as text; nothing for NaN and NaT.
void append_numpy_text(const NumpyField& field, const char* value, std::string& text);

}  // namespace cangong
