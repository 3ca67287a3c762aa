// A plain rectangle of numbers, row by row.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace cangong {

// NaN stands for "missing" wherever a matrix holds features.
template <class Number>
struct Rectangle {
  std::size_t rows = 0, columns = 0;
  std::vector<Number> values;  // rows * columns, row-major

  Rectangle() = default;
  Rectangle(std::size_t rows, std::size_t columns, Number fill = 0)
      : rows(rows), columns(columns), values(rows * columns, fill) {}

  Number& at(std::size_t row, std::size_t column) { return values[row * columns + column]; }
  Number at(std::size_t row, std::size_t column) const { return values[row * columns + column]; }
  std::span<Number> row(std::size_t i) { return {values.data() + i * columns, columns}; }
  std::span<const Number> row(std::size_t i) const {
    return {values.data() + i * columns, columns};
  }
};

using Matrix = Rectangle<float>;
using RealMatrix = Rectangle<double>;

}  // namespace cangong
