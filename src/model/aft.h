// Accelerated failure times: what a column does to the time itself.
#pragma once

#include <string>
#include <vector>

#include "encode/normaliser.h"
#include "model/likelihood_aft.h"
#include "model/model.h"

namespace cangong {

struct AftOptions {
  static constexpr bool is_config = true;
  std::string kind = "aft", distribution = "auto", penalty = "auto";
  double l1_share = 0.5;
  std::size_t path = 20, intervals = 50;
  PrepareOptions prepare;
  template <class V>
  void visit(V& v) {
    v("kind", kind, "aft");
    v("distribution", distribution,
      "weibull, lognormal, loglogistic; auto: by the tuning patients");
    v("penalty", penalty, "lambda; `auto` takes the best of a path on the tuning patients");
    v("l1_share", l1_share, "1 = lasso, 0 = ridge");
    v("path", path, "how many values `auto` tries");
    v("intervals", intervals, "how many steps a told curve has");
    v("prepare", prepare, "impute, missing_flags, bins, pieces: how columns become numbers");
  }
};

class AftModel : public Model {
 public:
  TimeShape shape = TimeShape::weibull;
  double scale = 1;  // of log(days)

  std::string kind() const override { return "aft"; }
  std::size_t outputs() const override { return ends_.size(); }
  // Of each interval, the log-odds of not passing it.
  RealMatrix margins(const Matrix& x) const override;
  std::optional<RealMatrix> contributions(const Matrix&, std::size_t) const override {
    return std::nullopt;
  }
  std::vector<double> interval_ends() const override { return ends_; }
  std::string save() const override;
  static std::unique_ptr<Model> load(const std::string& saved);

  // Mean of log(days) by the raw columns, flags and bins left out; the last is the intercept.
  std::vector<double> raw_coefficients() const;

 private:
  friend class AftFit;
  Normaliser normaliser_;
  std::vector<double> weights_, ends_;
  double least_ = 1e-9;  // days: what a shorter time counts as
};

// Survival only (else Fault::config). Times of 0 count as half of the shortest other one.
std::unique_ptr<Model> fit_aft(const Node& options, const Dataset& train, const Dataset& tuning,
                               const FitContext& context);
std::unique_ptr<AftModel> fit_aft(const AftOptions& options, const Dataset& train,
                                  const Dataset& tuning);

}  // namespace cangong
