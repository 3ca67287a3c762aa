#include "engine/drift.h"

#include <algorithm>
#include <cmath>

namespace cangong {

void DriftTable::add(CodeId code, int year, double value) {
  Code& own = codes_[code];
  if (own.years.empty()) own.offset = value;
  const double shifted = value - own.offset;  // so that large numbers keep their digits
  Sums& sums = own.years[year];
  ++sums.values;
  sums.sum += shifted;
  own.squares += shifted * shifted;
}

std::vector<CodeDrift> DriftTable::largest(const CodeBook& names, std::size_t most) const {
  constexpr std::uint64_t kLeastOfCode = 200, kLeastOfYear = 30;
  std::vector<CodeDrift> found;
  for (CodeId id = 0; id < codes_.size(); ++id) {
    const Code& code = codes_[id];
    Sums all;
    for (const auto& [year, sums] : code.years) all.values += sums.values, all.sum += sums.sum;
    if (all.values < kLeastOfCode) continue;
    const auto n = static_cast<double>(all.values);
    const double variance = code.squares / n - all.sum / n * (all.sum / n);
    if (variance <= 1e-12 * code.squares / n) continue;
    CodeDrift drift{names.name(id), {}, 0, 0};
    for (const auto& [year, sums] : code.years) {
      const auto own = static_cast<double>(sums.values);
      drift.years[year] = {sums.values, code.offset + sums.sum / own};
      if (sums.values < kLeastOfYear || all.values - sums.values < kLeastOfYear) continue;
      const double shift =
          (sums.sum / own - (all.sum - sums.sum) / (n - own)) / std::sqrt(variance);
      if (std::abs(shift) > std::abs(drift.shift)) drift.shift = shift, drift.year = year;
    }
    if (drift.shift != 0) found.push_back(std::move(drift));
  }
  std::stable_sort(found.begin(), found.end(), [](const CodeDrift& a, const CodeDrift& b) {
    return std::abs(a.shift) > std::abs(b.shift);
  });
  if (found.size() > most) found.resize(most);
  return found;
}

double stability_index(const std::map<std::string, std::uint64_t>& year,
                       const std::map<std::string, std::uint64_t>& all) {
  double own = 0, rest = 0;
  for (const auto& [kind, rows] : all) {
    const auto here = year.find(kind);
    const double n = here == year.end() ? 0 : static_cast<double>(here->second);
    own += n, rest += static_cast<double>(rows) - n;
  }
  if (own == 0 || rest == 0) return 0;
  constexpr double kLeast = 1e-4;  // of a kind that does not occur
  double index = 0;
  for (const auto& [kind, rows] : all) {
    const auto here = year.find(kind);
    const double n = here == year.end() ? 0 : static_cast<double>(here->second);
    const double p = std::max(n / own, kLeast);
    const double q = std::max((static_cast<double>(rows) - n) / rest, kLeast);
    index += (p - q) * std::log(p / q);
  }
  return index;
}

}  // namespace cangong
