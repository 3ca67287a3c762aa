// From a hazard ratio to a survival curve: Breslow's estimate of the baseline hazard.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace cangong {

// H0(t) = sum over event times <= t of deaths / sum of exp(margin) at risk (Breslow 1972). `left`
// as in Targets: the baseline of the subdistribution then (Fine and Gray 1999).
class BaselineHazard {
 public:
  BaselineHazard() = default;
  BaselineHazard(std::span<const double> margins, std::span<const double> days,
                 std::span<const double> events, std::span<const double> left = {});
  double cumulative(double days) const;
  // exp(-H0(t) exp(margin)).
  double survival(double days, double margin) const;
  const std::vector<double>& times() const { return times_; }
  bool empty() const { return times_.empty(); }
  std::string save() const;
  static BaselineHazard load(const std::string& saved);

 private:
  std::vector<double> times_, hazard_;
};

}  // namespace cangong
