#include "model/additive.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/parallel.h"
#include "base/progress.h"
#include "base/random.h"
#include "model/binned.h"
#include "model/boost_shapes.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

class AdditiveModel : public Model {
 public:
  double base = 0;
  std::vector<Shape> shapes;  // curves first

  std::string kind() const override { return "ebm"; }
  std::size_t outputs() const override { return 1; }
  RealMatrix margins(const Matrix& x) const override {
    RealMatrix out(x.rows, 1, base);
    for (std::size_t i = 0; i < x.rows; ++i)
      for (const Shape& shape : shapes) out.at(i, 0) += shape.at(x.row(i));
    return out;
  }
  std::optional<RealMatrix> contributions(const Matrix& x, std::size_t) const override {
    RealMatrix parts(x.rows, x.columns + 1);
    for (std::size_t i = 0; i < x.rows; ++i) {
      parts.at(i, x.columns) = base;
      for (const Shape& shape : shapes) {
        const double share = shape.at(x.row(i)) / static_cast<double>(shape.columns.size());
        for (const std::size_t column : shape.columns) parts.at(i, column) += share;
      }
    }
    return parts;
  }
  std::string save() const override {
    Json list = Json::array();
    for (const Shape& shape : shapes)
      list.push_back({{"columns", shape.columns}, {"cuts", shape.cuts}, {"values", shape.values}});
    return Json{{"format", 1}, {"kind", "ebm"}, {"base", base}, {"shapes", list}}.dump() + "\n";
  }
};

// Bins whose neighbours have the same value need no cut.
void shorten(Shape& curve) {
  std::vector<float> cuts;
  std::vector<double> values{curve.values[0], curve.values[1]};
  for (std::size_t b = 2; b < curve.values.size(); ++b) {
    if (curve.values[b] == values.back()) continue;
    cuts.push_back(curve.cuts[0][b - 2]);
    values.push_back(curve.values[b]);
  }
  curve.cuts[0] = std::move(cuts);
  curve.values = std::move(values);
}

class AdditiveFit {
 public:
  AdditiveFit(const AdditiveOptions& options, const Dataset& train, const Dataset& tuning,
              const FitContext& context)
      : options_(options), train_(train), tuning_(tuning), context_(context) {
    const Binned binned(train.x);
    for (std::size_t j = 0; j < train.x.columns; ++j) {
      const auto cuts = binned.cuts(j);
      Shape curve{{j}, {{cuts.begin(), cuts.end()}}, {}};
      curve.values.assign(curve.cells(), 0);
      curves_.push_back(std::move(curve));
    }
  }

  std::unique_ptr<AdditiveModel> run() {
    Progress progress("boosting", 2 * options_.bags);
    auto curves = cells_of(curves_);
    bags_.resize(options_.bags);
    parallel_for(options_.bags, context_.threads, [&](std::size_t b) {
      bags_[b] = draw(b);
      grow(bags_[b], curves_, curves);
      progress.step();
    });
    const std::vector<Shape> tables = choose_tables(curves);
    const auto crossed = cells_of(tables);
    parallel_for(options_.bags, context_.threads, [&](std::size_t b) {
      grow(bags_[b], tables, crossed);
      progress.step();
    });
    return mean_of_bags(tables, curves, crossed);
  }

 private:
  struct Cells {
    std::vector<std::vector<std::uint16_t>> train, tuning;  // by shape, then row
  };
  struct Bag {
    std::vector<std::size_t> learn, judge;  // training rows; judge only without tuning patients
    std::unique_ptr<Boosted> learns, judges;
    std::vector<Shape> shapes;
  };

  Cells cells_of(const std::vector<Shape>& shapes) const {
    Cells cells;
    for (const Shape& shape : shapes) {
      cells.train.push_back(shape.cells_of(train_.x));
      cells.tuning.push_back(shape.cells_of(tuning_.x));
    }
    return cells;
  }

  // 85 % of the rows learn; without tuning patients the others judge.
  Bag draw(std::size_t number) const {
    std::vector<std::size_t> rows(train_.rows());
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = i;
    Random random(context_.seed * 1000 + number);
    random.shuffle(std::span(rows));
    const auto learn =
        static_cast<std::ptrdiff_t>(std::ceil(0.85 * static_cast<double>(rows.size())));
    Bag bag;
    bag.learn.assign(rows.begin(), rows.begin() + learn);
    bag.judge.assign(rows.begin() + learn, rows.end());
    for (auto* part : {&bag.learn, &bag.judge}) std::sort(part->begin(), part->end());
    bag.learns = std::make_unique<Boosted>(train_.y.take(bag.learn));
    bag.judges = std::make_unique<Boosted>(tuning_.rows() ? tuning_.y : train_.y.take(bag.judge));
    std::fill(bag.judges->margins.begin(), bag.judges->margins.end(), bag.learns->constant());
    return bag;
  }

  void grow(Bag& bag, const std::vector<Shape>& shapes, const Cells& cells) const {
    const auto some = [&](const std::vector<std::size_t>& rows) {
      std::vector<std::vector<std::uint16_t>> part(shapes.size());
      for (std::size_t s = 0; s < shapes.size(); ++s)
        for (const std::size_t i : rows) part[s].push_back(cells.train[s][i]);
      return part;
    };
    std::vector<Shape> grown = shapes;
    const auto learn = some(bag.learn);
    const auto judge = tuning_.rows() ? cells.tuning : some(bag.judge);
    boost(grown, {*bag.learns, learn}, {*bag.judges, judge},
          {options_.learning_rate, options_.rounds, options_.patience, options_.min_leaf},
          stop_if_interrupted);
    for (Shape& shape : grown) bag.shapes.push_back(std::move(shape));
  }

  // Pairs of the curves that move most, by what a quarter of their table still explains.
  std::vector<Shape> choose_tables(const Cells& curves) const {
    if (options_.pairs == 0) return {};
    std::vector<std::pair<double, std::size_t>> weight;
    for (std::size_t j = 0; j < curves_.size(); ++j) {
      double sum = 0;
      for (const Bag& bag : bags_)
        for (const std::uint16_t cell : curves.train[j])
          sum += std::abs(bag.shapes[j].values[cell]);
      weight.emplace_back(-sum, j);
    }
    std::sort(weight.begin(), weight.end());
    constexpr std::size_t kConsidered = 30, kBins = 12;
    weight.resize(std::min(weight.size(), kConsidered));
    const auto [gradient, curvature] = slopes_so_far(curves);
    std::vector<Shape> coarse;
    for (const auto& [w, j] : weight) coarse.push_back(curves_[j].coarser(curves.train[j], kBins));
    std::vector<std::pair<double, Shape>> found;
    for (std::size_t a = 0; a < coarse.size(); ++a)
      for (std::size_t b = a + 1; b < coarse.size(); ++b) {
        Shape table = joined(coarse[a], coarse[b]);
        const double gain = quarter_gain(table, table.cells_of(train_.x), gradient, curvature);
        if (gain > 0) found.emplace_back(gain, std::move(table));
      }
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<Shape> tables;
    for (std::size_t k = 0; k < std::min(found.size(), options_.pairs); ++k)
      tables.push_back(std::move(found[k].second));
    return tables;
  }

  std::pair<std::vector<double>, std::vector<double>> slopes_so_far(const Cells& curves) const {
    Boosted all(train_.y);
    for (const Bag& bag : bags_)
      for (std::size_t j = 0; j < curves_.size(); ++j)
        for (std::size_t i = 0; i < train_.rows(); ++i)
          all.margins[i] +=
              bag.shapes[j].values[curves.train[j][i]] / static_cast<double>(bags_.size());
    std::vector<double> gradient, curvature;
    all.slopes(gradient, curvature);
    return {std::move(gradient), std::move(curvature)};
  }

  std::unique_ptr<AdditiveModel> mean_of_bags(const std::vector<Shape>& tables, const Cells& curves,
                                              const Cells& crossed) const {
    auto model = std::make_unique<AdditiveModel>();
    model->shapes = curves_;
    model->shapes.insert(model->shapes.end(), tables.begin(), tables.end());
    for (const Bag& bag : bags_) {
      const double share = 1 / static_cast<double>(bags_.size());
      model->base += share * bag.learns->constant();
      for (std::size_t s = 0; s < model->shapes.size(); ++s)
        for (std::size_t c = 0; c < bag.shapes[s].values.size(); ++c)
          model->shapes[s].values[c] += share * bag.shapes[s].values[c];
    }
    for (std::size_t t = 0; t < tables.size(); ++t) {
      Shape& table = model->shapes[curves_.size() + t];
      std::vector<double> weights(table.cells());
      for (const std::uint16_t cell : crossed.train[t]) ++weights[cell];
      purify(table, weights, model->shapes[table.columns[0]], model->shapes[table.columns[1]]);
    }
    for (std::size_t j = 0; j < curves_.size(); ++j) centre(*model, j, curves.train[j]);
    return model;
  }

  static void centre(AdditiveModel& model, std::size_t j, std::span<const std::uint16_t> cells) {
    Shape& curve = model.shapes[j];
    double mean = 0;
    for (const std::uint16_t cell : cells)
      mean += curve.values[cell] / static_cast<double>(cells.size());
    for (double& v : curve.values) v -= mean;
    model.base += mean;
    shorten(curve);
  }

  const AdditiveOptions& options_;
  const Dataset& train_;
  const Dataset& tuning_;
  const FitContext& context_;
  std::vector<Shape> curves_;  // empty ones
  std::vector<Bag> bags_;
};

void check_options(const AdditiveOptions& o) {
  const auto require = [](bool holds, const char* rule) {
    if (!holds) fail(Fault::config, std::string("model ebm: ") + rule);
  };
  require(o.learning_rate > 0 && o.learning_rate <= 1, "learning_rate is above 0, 1 at most");
  require(o.rounds >= 1 && o.patience >= 1, "rounds and patience are at least 1");
  require(o.bags >= 1 && o.bags <= 100, "bags is 1 to 100");
  require(o.pairs <= 400, "pairs is 400 at most");
  require(o.min_leaf >= 1, "min_leaf is at least 1");
}

}  // namespace

std::unique_ptr<Model> fit_additive(const AdditiveOptions& options, const Dataset& train,
                                    const Dataset& tuning, const FitContext& context) {
  check_options(options);
  auto model = AdditiveFit(options, train, tuning, context).run();
  context.say("ebm: " + std::to_string(model->shapes.size() - train.x.columns) +
              " tables of two columns");
  return model;
}

std::unique_ptr<Model> fit_additive(const Node& node, const Dataset& train, const Dataset& tuning,
                                    const FitContext& context) {
  AdditiveOptions options;
  read_value(node, options);
  return fit_additive(options, train, tuning, context);
}

std::unique_ptr<Model> load_additive(const std::string& saved) {
  const Json json = Json::parse(saved);
  auto model = std::make_unique<AdditiveModel>();
  model->base = json.at("base");
  for (const Json& item : json.at("shapes"))
    model->shapes.push_back({item.at("columns").get<std::vector<std::size_t>>(),
                             item.at("cuts").get<std::vector<std::vector<float>>>(),
                             item.at("values").get<std::vector<double>>()});
  return model;
}

std::span<const Shape> shapes_of(const Model& model) {
  return dynamic_cast<const AdditiveModel&>(model).shapes;
}

}  // namespace cangong
