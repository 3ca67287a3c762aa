#include "model/shape.h"

#include <algorithm>
#include <cmath>

namespace cangong {
namespace {

std::size_t bin_of(const std::vector<float>& cuts, float value) {
  if (std::isnan(value)) return 0;
  return static_cast<std::size_t>(std::lower_bound(cuts.begin(), cuts.end(), value) -
                                  cuts.begin()) +
         1;
}

// Adds `amount` to the bins of a curve that lie within bin `b` of a table's coarser cuts.
void add_within(Shape& curve, const std::vector<float>& cuts, std::size_t b, double amount) {
  if (b == 0) {
    curve.values[0] += amount;
    return;
  }
  const auto& fine = curve.cuts[0];
  const std::size_t from = b == 1 ? 1 : bin_of(fine, cuts[b - 2]) + 1;
  const std::size_t to = b > cuts.size() ? curve.values.size() : bin_of(fine, cuts[b - 1]) + 1;
  for (std::size_t k = from; k < to; ++k) curve.values[k] += amount;
}

}  // namespace

std::size_t Shape::cells() const {
  std::size_t cells = 1;
  for (std::size_t d = 0; d < columns.size(); ++d) cells *= bins(d);
  return cells;
}

std::size_t Shape::cell_of(std::span<const float> row) const {
  std::size_t cell = 0;
  for (std::size_t d = 0; d < columns.size(); ++d)
    cell = cell * bins(d) + bin_of(cuts[d], row[columns[d]]);
  return cell;
}

std::vector<std::uint16_t> Shape::cells_of(const Matrix& x) const {
  std::vector<std::uint16_t> out(x.rows);
  for (std::size_t i = 0; i < x.rows; ++i) out[i] = static_cast<std::uint16_t>(cell_of(x.row(i)));
  return out;
}

Shape Shape::coarser(std::span<const std::uint16_t> cells, std::size_t most) const {
  Shape out{columns, {{}}, {}};
  std::vector<std::size_t> counts(bins(0));
  for (const std::uint16_t cell : cells) ++counts[cell];
  const std::size_t known = cells.size() - counts[0];
  std::size_t seen = 0, taken = 0;
  for (std::size_t b = 1; b + 1 < bins(0); ++b) {
    seen += counts[b];
    const std::size_t due = seen * most / std::max<std::size_t>(known, 1);
    if (cuts[0].size() >= most && due <= taken) continue;
    taken = due;
    out.cuts[0].push_back(cuts[0][b - 1]);
  }
  if (out.cuts[0].size() > most - 1) out.cuts[0].resize(most - 1);
  out.values.assign(out.cells(), 0);
  return out;
}

Shape joined(const Shape& a, const Shape& b) {
  Shape out{{a.columns[0], b.columns[0]}, {a.cuts[0], b.cuts[0]}, {}};
  out.values.assign(out.cells(), 0);
  return out;
}

void purify(Shape& table, std::span<const double> weights, Shape& first, Shape& second) {
  const std::size_t rows = table.bins(0), columns = table.bins(1);
  for (int pass = 0; pass < 100; ++pass) {
    double moved = 0;
    for (int side = 0; side < 2; ++side) {
      const std::size_t lines = side == 0 ? rows : columns, length = side == 0 ? columns : rows;
      const auto cell = [&](std::size_t line, std::size_t k) {
        return side == 0 ? line * columns + k : k * columns + line;
      };
      for (std::size_t line = 0; line < lines; ++line) {
        double sum = 0, weight = 0;
        for (std::size_t k = 0; k < length; ++k) {
          sum += weights[cell(line, k)] * table.values[cell(line, k)];
          weight += weights[cell(line, k)];
        }
        if (weight == 0) continue;
        const double mean = sum / weight;
        for (std::size_t k = 0; k < length; ++k) table.values[cell(line, k)] -= mean;
        add_within(side == 0 ? first : second, table.cuts[side == 0 ? 0 : 1], line, mean);
        moved = std::max(moved, std::abs(mean));
      }
    }
    if (moved < 1e-12) return;
  }
}

}  // namespace cangong
