// A piecewise constant function of one column, or of two.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/matrix.h"

namespace cangong {

struct Shape {
  std::vector<std::size_t> columns;      // one or two
  std::vector<std::vector<float>> cuts;  // by column, ascending: bin b ends at cut b - 1
  std::vector<double> values;            // by cell

  // Bin 0 is for missing values, then those between the cuts.
  std::size_t bins(std::size_t dimension) const { return cuts[dimension].size() + 2; }
  std::size_t cells() const;
  std::size_t cell_of(std::span<const float> row) const;
  double at(std::span<const float> row) const { return values[cell_of(row)]; }
  std::vector<std::uint16_t> cells_of(const Matrix& x) const;

  // Fewer cuts, so that no more than `most` bins are left, each of about as many of the rows.
  // cells: of the rows. For shapes of one column.
  Shape coarser(std::span<const std::uint16_t> cells, std::size_t most) const;
};

Shape joined(const Shape& a, const Shape& b);

// Takes out of a table what belongs to its columns alone and adds it to their curves, whose cuts
// contain those of the table; `weights`: rows in each cell of the table.
void purify(Shape& table, std::span<const double> weights, Shape& first, Shape& second);

}  // namespace cangong
