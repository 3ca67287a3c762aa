#include "model/onnx.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "evaluate/calibration.h"
#include "model/onnx_runtime.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uintmax_t kLargestModel = 256 << 20;
constexpr double kSurest = 1e-7;  // a probability of 0 or 1 has no log-odds
constexpr double kRounding = 1e-5;

double bounded_logit(double p) {
  return logit(std::clamp(p, kSurest, 1 - kSurest));
}

class OnnxModel : public Model {
 public:
  struct Use {
    std::string output;
    bool says_probability = false;
    std::size_t outputs = 1;
    std::vector<double> fill;  // of gaps, by column; empty: they stay
  };
  OnnxModel(std::string bytes, Use use)
      : bytes_(std::move(bytes)), session_(bytes_), use_(std::move(use)) {}

  std::string kind() const override { return "onnx"; }
  std::size_t outputs() const override { return use_.outputs; }
  std::optional<RealMatrix> contributions(const Matrix&, std::size_t) const override {
    return std::nullopt;
  }

  RealMatrix margins(const Matrix& x) const override {
    RealMatrix told = session_.run(use_.fill.empty() ? x : filled(x), use_.output);
    if (x.rows == 0) return RealMatrix(0, use_.outputs);
    if (use_.outputs == 1 && told.columns == 2 && use_.says_probability) return of_second(told);
    if (told.columns != use_.outputs)
      fail(Fault::config, "the output \"" + use_.output + "\" of the ONNX model has " +
                              std::to_string(told.columns) + " columns; the task's answer has " +
                              std::to_string(use_.outputs) + "; name another one (output:)");
    for (double& v : told.values) v = margin_of(v);
    return told;
  }

  std::string save() const override {
    return Json{{"format", 1},
                {"kind", "onnx"},
                {"output", use_.output},
                {"says", use_.says_probability ? "probability" : "margin"},
                {"outputs", use_.outputs},
                {"fill", use_.fill},
                {"file", base64url(bytes_)}}
               .dump() +
           "\n";
  }

 private:
  Matrix filled(Matrix x) const {
    for (std::size_t i = 0; i < x.rows; ++i)
      for (std::size_t j = 0; j < x.columns; ++j)
        if (std::isnan(x.at(i, j))) x.at(i, j) = static_cast<float>(use_.fill[j]);
    return x;
  }
  double margin_of(double told) const {
    if (std::isnan(told))
      fail(Fault::model,
           "the ONNX model answers with NaN; where it takes no gaps, say what they become (fill:)");
    if (!std::isfinite(told)) fail(Fault::model, "the ONNX model answers without a bound");
    if (!use_.says_probability) return told;
    if (told < -kRounding || told > 1 + kRounding)
      fail(Fault::model,
           "the ONNX model answers outside of 0 to 1; where these are log-odds, say so "
           "(says: margin)");
    return use_.outputs == 1 ? bounded_logit(told) : std::log(std::max(told, kSurest));
  }
  // Of a yes/no model that tells the chances of both answers.
  RealMatrix of_second(const RealMatrix& both) const {
    RealMatrix one(both.rows, 1);
    for (std::size_t i = 0; i < both.rows; ++i) one.at(i, 0) = margin_of(both.at(i, 1));
    return one;
  }

  std::string bytes_;
  OnnxSession session_;
  Use use_;
};

// The one that was asked for, or the only one, or the one that converters call probabilities.
std::string output_of(const OnnxSession& session, const std::string& wanted) {
  const auto& names = session.outputs();
  const auto has = [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (!wanted.empty()) {
    if (!has(wanted))
      fail(Fault::config,
           "the ONNX model has no output \"" + wanted + "\"; it has " + join(names, ", "));
    return wanted;
  }
  if (names.size() == 1) return names.front();
  for (const char* usual : {"probabilities", "output_probability", "probability"})
    if (has(usual)) return usual;
  fail(Fault::config,
       "the ONNX model has several outputs; say which (output:): " + join(names, ", "));
}

bool is_probability(const std::string& says, Answer answer) {
  const bool usual = answer == Answer::boolean || answer == Answer::category;
  if (says == "auto") return usual;
  if (says == "margin") return false;
  if (says != "probability") fail(Fault::config, "model onnx: says is auto, probability or margin");
  if (!usual) fail(Fault::config, "model onnx: only yes/no and classes have a probability to say");
  return true;
}

// The first row with each value missing, and with all: what training patients have and others lack.
Matrix with_gaps(const Matrix& x) {
  Matrix gaps(x.columns + 1, x.columns);
  for (std::size_t i = 0; i < gaps.rows; ++i)
    for (std::size_t j = 0; j < x.columns; ++j)
      gaps.at(i, j) = i == j || i == x.columns ? std::nanf("") : x.at(0, j);
  return gaps;
}

// Beside the recipe or below its folder, whatever links lie there, but that its first folder may be
// one (a job's inbox): who may send a recipe names no other files of the machine.
fs::path file_of(const Node& recipe, const std::string& name) {
  const fs::path path = name;
  if (name.empty()) fail(Fault::config, "model onnx: say which (file:)");
  if (path.is_absolute() || std::find(path.begin(), path.end(), "..") != path.end())
    fail(Fault::config, "model onnx: file lies beside the recipe or in a folder below");
  const std::string where = recipe.where();
  fs::path folder = fs::path(where.substr(0, where.rfind(':'))).parent_path();
  if (folder.empty()) folder = ".";
  std::error_code none;
  const bool below = std::next(path.begin()) != path.end();
  const fs::path root = fs::canonical(below ? folder / *path.begin() : folder, none);
  const fs::path file = none ? fs::path() : fs::canonical(folder / path, none);
  const bool inside =
      !none &&
      std::mismatch(root.begin(), root.end(), file.begin(), file.end()).first == root.end();
  const std::uintmax_t size = inside ? fs::file_size(file, none) : 0;
  if (!inside || none || size > kLargestModel)
    fail(Fault::config, "model onnx: no file " + name + " of 256 MB at most beside the recipe");
  return file;
}

}  // namespace

std::unique_ptr<Model> fit_onnx(const Node& node, const Dataset& train, const Dataset&,
                                const FitContext& context) {
  OnnxOptions options;
  read_value(node, options);
  std::string bytes = read_file(file_of(node, options.file));
  const OnnxSession session(bytes);
  if (session.columns() > 0 && session.columns() != train.x.columns)
    fail(Fault::config, "the ONNX model wants " + std::to_string(session.columns()) +
                            " columns, the encoder gives " + std::to_string(train.x.columns) +
                            "; name them in the model's order (encoder: features:)");
  if (options.fill.size() == 1) options.fill.resize(train.x.columns, options.fill.front());
  if (!options.fill.empty() && options.fill.size() != train.x.columns)
    fail(Fault::config, "model onnx: fill is one number, or one for each of the " +
                            std::to_string(train.x.columns) + " columns");
  OnnxModel::Use use{output_of(session, options.output),
                     is_probability(options.says, train.y.answer), train.y.outputs(), options.fill};
  auto model = std::make_unique<OnnxModel>(std::move(bytes), std::move(use));
  (void)model->margins(train.x);  // says now what does not fit
  (void)model->margins(with_gaps(train.x));
  context.say("onnx: taken as it is");
  return model;
}

std::unique_ptr<Model> load_onnx(const std::string& saved) {
  const Json json = Json::parse(saved);
  auto bytes = from_base64url(json.at("file").get<std::string>());
  if (!bytes) fail(Fault::storage, "the ONNX model of the bundle is damaged");
  OnnxModel::Use use{json.at("output").get<std::string>(), json.at("says") == "probability",
                     json.at("outputs"), json.at("fill").get<std::vector<double>>()};
  return std::make_unique<OnnxModel>(std::move(*bytes), std::move(use));
}

}  // namespace cangong
