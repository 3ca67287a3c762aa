#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/onnx_graph.h"
#include "engine/engine.h"
#include "model/onnx_runtime.h"
#include "train/pipeline.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kAlike = 1e-4;  // what 32-bit sums of many trees may differ by

std::string graph_of(const Pipeline& pipeline, const Digest& digest) {
  if (pipeline.encoder->state())
    fail(Fault::model,
         "the model reads the state of a model of timelines, which nothing outside "
         "of this program can compute; it cannot be exported");
  const Fitted& fitted = pipeline.main();
  OnnxGraph graph("features", pipeline.encoder->columns().size());
  if (!fitted.columns.empty()) graph.choose(fitted.columns);
  const auto margins = graph.cast(fitted.model->add_to(graph), OnnxGraph::Type::real64);
  const Readout& readout = fitted.readout;
  const bool classes = readout.answer() == Answer::category;
  graph.answer("value", readout.add_to(graph, margins), classes ? readout.classes().size() : 1);
  graph.answer("margin", margins, fitted.model->outputs());
  Json columns = Json::array();
  for (const Column& column : pipeline.encoder->columns())
    columns.push_back({{"name", column.name()},
                       {"unit", column.unit},
                       {"absent", column.missing_when_absent ? Json("NaN") : Json(0)}});
  graph.note("columns", columns.dump());
  graph.note("answer", name_of(readout.answer()));
  if (classes) graph.note("classes", Json(readout.classes()).dump());
  if (readout.answer() == Answer::survival)
    graph.note("horizon_days", Json(readout.horizon_days()).dump());
  graph.note("task", pipeline.task_name);
  graph.note("bundle", digest);
  return graph.save(std::string(kProgram).substr(std::string(kProgram).find(' ') + 1));
}

// Of the answers to training rows: the largest difference between the file's and the model's.
double difference_of(const Pipeline& pipeline, const OnnxSession& session) {
  const Fitted& fitted = pipeline.main();
  const Readout& readout = fitted.readout;
  const RealMatrix margins = fitted.margins(pipeline.background);
  const RealMatrix told = session.run(pipeline.background, "value");
  double largest = 0;
  const auto compare = [&](double own, double other) {
    const double difference = std::abs(own - other) / std::max(1.0, std::abs(own));
    largest = std::isnan(difference) ? INFINITY : std::max(largest, difference);
  };
  for (std::size_t i = 0; i < margins.rows; ++i) {
    if (readout.answer() != Answer::category) {
      compare(readout.value(margins.row(i)), told.at(i, 0));
      continue;
    }
    const auto own = readout.probabilities(margins.row(i));
    for (std::size_t c = 0; c < own.size(); ++c) compare(own[c], told.at(i, c));
  }
  return largest;
}

}  // namespace

OnnxReply write_onnx(const OnnxRequest& request) {
  const Bundle bundle = Bundle::open(request.bundle);
  const Pipeline pipeline = read_pipeline(bundle);
  const std::string bytes = graph_of(pipeline, bundle.digest());
  const OnnxSession session(bytes);
  OnnxReply reply{session.columns(), bytes.size(), pipeline.background.rows, 0, session.outputs()};
  reply.difference = difference_of(pipeline, session);
  if (reply.difference > kAlike)
    fail(Fault::model, "the ONNX file answers otherwise than the model (by " +
                           format_number(reply.difference) + "); nothing was written");
  write_file(request.out, bytes);
  return reply;
}

}  // namespace cangong
