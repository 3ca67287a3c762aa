// How what is recorded changes over calendar time.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "timeline/timeline.h"

namespace cangong {

// The numbers of one code in one calendar year (UTC).
struct YearMean {
  std::uint64_t values = 0;
  double mean = 0;
};
struct CodeDrift {
  std::string code;
  std::map<int, YearMean> years;
  int year = 0;      // the year that differs most from the others
  double shift = 0;  // its mean less theirs, in standard deviations of all values
};

// Gathers the numbers of every code by year; a few numbers per code and year are held.
class DriftTable {
 public:
  explicit DriftTable(std::size_t codes) : codes_(codes) {}
  void add(CodeId code, int year, double value);
  // The codes whose mean moved most, at most `most`: of those with 200 values, between years with
  // 30 each.
  std::vector<CodeDrift> largest(const CodeBook& names, std::size_t most) const;

 private:
  struct Sums {
    std::uint64_t values = 0;
    double sum = 0;
  };
  struct Code {
    std::map<int, Sums> years;
    double offset = 0, squares = 0;  // sums are of values less the first one
  };
  std::vector<Code> codes_;
};

// Population stability index of what one year holds against all other years together: the sum of
// (p - q) log(p / q) over the kinds of events. Below .1 little has changed, above .25 much.
double stability_index(const std::map<std::string, std::uint64_t>& year,
                       const std::map<std::string, std::uint64_t>& all);

}  // namespace cangong
