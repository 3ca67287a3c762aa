// Linear models: logistic, multinomial, least squares and Cox, with an elastic net.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "encode/normaliser.h"
#include "model/likelihood.h"
#include "model/model.h"

namespace cangong {

struct LinearOptions {
  static constexpr bool is_config = true;
  std::string kind = "linear", penalty = "auto";
  double l1_share = 0.5;
  std::size_t path = 40, products = 0;
  Ties ties = Ties::efron;
  PrepareOptions prepare;
  template <class V>
  void visit(V& v) {
    v("kind", kind, "linear");
    v("penalty", penalty, "lambda; `auto` takes the best of a path on the tuning patients");
    v("l1_share", l1_share, "1 = lasso, 0 = ridge");
    v("path", path, "how many values `auto` tries");
    v("products", products, "so many products of two columns, those that explain most beyond them");
    v("ties", ties, "efron or breslow, for survival");
    v("prepare", prepare, "impute, missing_flags, bins, pieces: how columns become numbers");
  }
};
void read_value(const Node& node, Ties& ties);

class LinearModel : public Model {
 public:
  std::string kind() const override { return "linear"; }
  std::size_t outputs() const override { return weights_.size(); }
  RealMatrix margins(const Matrix& x) const override;
  std::optional<RealMatrix> contributions(const Matrix& x, std::size_t output) const override;
  std::optional<std::vector<double>> path_parts(std::span<const float> from,
                                                std::span<const float> to,
                                                std::size_t output) const override;
  OnnxGraph::Tensor add_to(OnnxGraph& graph) const override;
  std::string save() const override;
  static std::unique_ptr<Model> load(const std::string& saved);

  // The input columns of each product.
  std::vector<std::pair<std::size_t, std::size_t>> products() const;
  // On the scale of the raw columns, flags, bins and products left out; the last is the intercept
  // (0 for Cox).
  std::vector<double> raw_coefficients(std::size_t output = 0) const;
  double lambda() const { return lambda_; }

 private:
  friend class LinearFit;
  // Of two normalised input columns, itself centred and scaled.
  struct Product {
    std::size_t a = 0, b = 0;
    double mean = 0, scale = 1;
    double of(std::span<const double> z) const { return (z[a] * z[b] - mean) / scale; }
  };
  // rows x (normalised columns, products, and `spare` columns of zeros).
  RealMatrix design(const Matrix& x, std::size_t spare = 0) const;

  Normaliser normaliser_;
  std::vector<Product> products_;
  std::vector<std::vector<double>> weights_;  // by output: design columns, then the intercept
  double lambda_ = 0;
};

std::unique_ptr<Model> fit_linear(const Node& options, const Dataset& train, const Dataset& tuning,
                                  const FitContext& context);
std::unique_ptr<LinearModel> fit_linear(const LinearOptions& options, const Dataset& train,
                                        const Dataset& tuning);

}  // namespace cangong
