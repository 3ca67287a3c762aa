#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "model/model.h"
#include "model/onnx_check.h"
#include "model/onnx_runtime.h"
#include "model/readout.h"

namespace cangong {
namespace {

constexpr Answer kAnswers[] = {Answer::boolean, Answer::category, Answer::survival, Answer::real};

// Answers that follow the first columns; one value in five is missing.
Dataset invented(Answer answer, std::size_t rows, std::uint64_t seed) {
  Random random(seed);
  Dataset data;
  data.y.answer = answer;
  data.x = Matrix(rows, 5);
  for (float& v : data.x.values)
    v = random.below(5) == 0 ? std::nanf("") : static_cast<float>(random.normal());
  if (answer == Answer::category) data.y.classes = {"a", "b", "c"};
  for (std::size_t i = 0; i < rows; ++i) {
    const double x = std::isnan(data.x.at(i, 0)) ? 0 : data.x.at(i, 0), noise = random.normal();
    data.y.values.push_back(answer == Answer::boolean    ? x + noise > 0.5
                            : answer == Answer::category ? (x + noise > 0) + (x > 1)
                            : answer == Answer::survival ? 100 * std::exp(-x + noise)
                                                         : 10 + 3 * x + noise);
    if (answer == Answer::survival) data.y.events.push_back(random.below(3) > 0);
    data.patients.emplace_back(static_cast<std::int64_t>(i));
  }
  return data;
}

struct Written {
  std::string bytes;
  std::size_t told = 1;
};

Written write(const Model& model, const Readout& readout, std::size_t columns) {
  OnnxGraph graph("features", columns);
  const auto margins = graph.cast(model.add_to(graph), OnnxGraph::Type::real64);
  const std::size_t told =
      readout.answer() == Answer::category ? readout.classes().size() : std::size_t{1};
  graph.answer("value", readout.add_to(graph, margins), told);
  graph.answer("margin", margins, model.outputs());
  return {graph.save("test"), told};
}

// ONNX Runtime computes what we compute, on rows that did not train.
void expect_alike(const Model& model, const Readout& readout, const Dataset& data) {
  const Written written = write(model, readout, data.x.columns);
  const OnnxSession session(written.bytes);
  ASSERT_EQ(session.columns(), data.x.columns);
  const RealMatrix own = model.margins(data.x), margins = session.run(data.x, "margin");
  const RealMatrix told = session.run(data.x, "value");
  ASSERT_EQ(margins.columns, model.outputs());
  ASSERT_EQ(told.columns, written.told);
  for (std::size_t i = 0; i < own.rows; ++i) {
    for (std::size_t k = 0; k < own.columns; ++k)
      ASSERT_NEAR(margins.at(i, k), own.at(i, k), 1e-5 * std::max(1.0, std::abs(own.at(i, k))));
    if (written.told == 1) {
      ASSERT_NEAR(told.at(i, 0), readout.value(own.row(i)),
                  1e-5 * std::max(1.0, std::abs(readout.value(own.row(i)))));
      continue;
    }
    const auto chances = readout.probabilities(own.row(i));
    for (std::size_t c = 0; c < chances.size(); ++c) ASSERT_NEAR(told.at(i, c), chances[c], 1e-6);
  }
}

void expect_kind_alike(const std::string& options, Answer answer,
                       Recalibration::Kind kind = Recalibration::Kind::none) {
  SCOPED_TRACE(options + " for " + name_of(answer));
  const Dataset train = invented(answer, 400, 1), tuning = invented(answer, 200, 2);
  const Node node = Node::parse(options, "test");
  const auto model =
      learner_named(node.find("kind")->scalar()).fit(node, train, tuning, FitContext{});
  const Readout readout = Readout::fit(*model, train, tuning, kind, 80);
  expect_alike(*model, readout, invented(answer, 150, 3));
}

TEST(Onnx, LinearModelsAnswerAlike) {
  for (const Answer answer : kAnswers)
    expect_kind_alike("{kind: linear, path: 10, prepare: {bins: 4, pieces: 3, impute: median}}",
                      answer);
  expect_kind_alike("{kind: linear, path: 10, products: 3}", Answer::boolean);
}

TEST(Onnx, BoostedTreesAnswerAlike) {
  for (const Answer answer : kAnswers) expect_kind_alike("{kind: trees, rounds: 30}", answer);
}

TEST(Onnx, ForestsAnswerAlike) {
  for (const Answer answer : {Answer::boolean, Answer::survival, Answer::real})
    expect_kind_alike("{kind: forest, trees: 30}", answer);
}

TEST(Onnx, EveryRecalibrationAnswersAlikeButVennAbersIsRefused) {
  for (const auto& [name, kind] : Recalibration::kinds()) {
    if (kind == Recalibration::Kind::venn_abers)
      EXPECT_THROW(expect_kind_alike("{kind: linear, path: 5}", Answer::boolean, kind), Error);
    else
      expect_kind_alike("{kind: linear, path: 5}", Answer::boolean, kind);
  }
}

// Weights made up: training needs torch.
TEST(Onnx, NetworksAnswerAlikeWithEveryActivation) {
  const Dataset train = invented(Answer::boolean, 100, 1);
  const std::string normaliser =
      R"({"mean":[0.1,0,0.2,0,-0.3],"scale":[1,2,1,1,0.5],"fill":[0,0.1,0,0,0],
          "flags":[[1,null,null,0.2,0.4]],"bins":[],"pieces":[]})";
  Random random(9);
  const auto numbers = [&](std::size_t count) {
    std::string list = "[";
    for (std::size_t i = 0; i < count; ++i)
      list += (i ? "," : "") + std::to_string(random.normal() / 2);
    return list + "]";
  };
  for (const std::string activation : {"relu", "tanh", "sigmoid", "gelu"}) {
    const std::string layers = R"([{"in":6,"out":4,"weights":)" + numbers(24) + R"(,"bias":)" +
                               numbers(4) + R"(},{"in":4,"out":1,"weights":)" + numbers(4) +
                               R"(,"bias":)" + numbers(1) + "}]";
    const auto model = learner_named("mlp").load(
        R"({"format":1,"kind":"mlp","activation":")" + activation +
        R"(","epochs":1,"interval_ends":[],"mean":0.5,"scale":2,"normaliser":)" + normaliser +
        R"(,"layers":)" + layers + "}");
    expect_alike(*model, Readout::fit(*model, train, {}, Recalibration::Kind::none, 1),
                 invented(Answer::boolean, 60, 4));
  }
}

TEST(Onnx, WhatIsNoModelOrAnswersOtherwiseIsRefusedWithTheReason) {
  const auto refusal = [](const auto& work) -> std::string {
    try {
      work();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(refusal([] { OnnxSession session("no model at all"); }), "");
  EXPECT_NE(refusal([] { OnnxSession session(""); }), "");
  OnnxGraph unknown("features", 2);
  unknown.answer("value", unknown.add("NoSuchOperation", {unknown.features()}), 2);
  EXPECT_NE(refusal([&] { OnnxSession session(unknown.save("test")); }).find("NoSuchOperation"),
            std::string::npos);
  OnnxGraph looping("features", 2);
  looping.answer("value", looping.add("Loop", {looping.features()}), 2);
  EXPECT_NE(refusal([&] { OnnxSession session(looping.save("test")); }).find("loops"),
            std::string::npos);
  OnnxGraph good("features", 2);
  good.answer("value", good.features(), 2);
  const OnnxSession session(good.save("test"));
  EXPECT_NE(refusal([&] { session.run(Matrix(3, 4), "value"); }), "");
  EXPECT_NE(refusal([&] { session.run(Matrix(3, 2), "other"); }), "");
  EXPECT_EQ(session.run(Matrix(0, 2), "value").rows, 0u);
}

// Weights in other files: they would be read from wherever the model says. Of a message that comes
// twice the encoding takes both, so that a graph's end can be written behind a model.
TEST(Onnx, WhatNamesOtherFilesIsRefused) {
  OnnxGraph good("features", 2);
  good.answer("value", good.features(), 2);
  const std::string whole = good.save("test");
  require_plain_onnx(whole);
  using namespace std::string_literals;
  for (const std::string& end :
       {"\x3a\x04\x2a\x02\x6a\x00"s, "\x3a\x04\x2a\x02\x70\x01"s,  // of a graph's initializer
        "\x3a\x08\x0a\x06\x2a\x04\x2a\x02\x6a\x00"s,               // of a node's attribute
        "\x3a\x06\x7a\x04\x0a\x02\x6a\x00"s,                       // of a sparse one
        "\xca\x01\x08\x3a\x06\x2a\x04\x2a\x02\x6a\x00"s,           // in a function
        "\xa2\x01\x00"s})                                          // made for training
    EXPECT_THROW(require_plain_onnx(whole + end), Error);
  for (std::size_t size = 1; size < whole.size(); size += 7) try {
      require_plain_onnx(whole.substr(0, size));  // cut off: refused, or a shorter model
    } catch (const Error& error) {
      EXPECT_EQ(error.fault, Fault::config);
    }
  EXPECT_THROW(require_plain_onnx("1234ORTM5678"), Error);
  EXPECT_THROW(require_plain_onnx(std::string(4000, '\x3a')), Error);
}

}  // namespace
}  // namespace cangong
