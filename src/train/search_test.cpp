#include "train/search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace cangong {
namespace {

Dataset rows_of_patients(std::size_t patients, std::size_t rows_each) {
  Dataset data;
  data.x = Matrix(patients * rows_each, 1);
  for (std::size_t i = 0; i < data.x.rows; ++i) {
    data.patients.emplace_back(static_cast<std::int64_t>(i / rows_each));
    data.y.values.push_back(static_cast<double>(i % 2));
    data.x.at(i, 0) = static_cast<float>(i / rows_each);
  }
  return data;
}

SearchOptions options_of(const std::string& text) {
  SearchOptions options;
  read_value(Node::parse(text, "recipe.yaml"), options);
  check_options(options);
  return options;
}

const Node kModel = Node::parse("{kind: trees, depth: 9, rounds: 10}", "recipe.yaml");

double number(const Node& options, const char* key) {
  return std::stod(options.find(key)->scalar());
}

TEST(Search, FindsTheBestAndKeepsTheOtherOptions) {
  const auto options = options_of(
      "{trials: 60, space: {depth: [2, 3, 4], rate: {low: 0.001, high: 1, scale: log}}}");
  const auto result =
      search(kModel, options, rows_of_patients(30, 2), 1, {},
             [](const Node& o, const Dataset&, const Dataset&) {
               const double rate = o.find("rate") ? number(o, "rate") : 1;
               return std::abs(number(o, "depth") - 3) + std::abs(std::log10(rate) + 2);
             });
  EXPECT_EQ(number(result.best, "depth"), 3);
  EXPECT_NEAR(std::log10(number(result.best, "rate")), -2, 0.3);
  EXPECT_EQ(number(result.best, "rounds"), 10);
  EXPECT_EQ(result.best.find("kind")->scalar(), "trees");
}

TEST(Search, TheModelsOwnSettingsAreTriedFirstAndWinATie) {
  const auto options = options_of("{trials: 5, space: {depth: [2, 3]}}");
  const auto result = search(kModel, options, rows_of_patients(30, 1), 1, {},
                             [](const Node&, const Dataset&, const Dataset&) { return 1.0; });
  EXPECT_EQ(result.chosen, 0u);
  EXPECT_EQ(number(result.best, "depth"), 9);
  EXPECT_EQ(result.trials.size(), 3u);  // no more settings exist
}

TEST(Search, PatientsAreNeverOnBothSides) {
  const auto options = options_of("{trials: 2, folds: 4, space: {depth: [2]}}");
  std::size_t judged = 0;
  search(kModel, options, rows_of_patients(21, 3), 1, {},
         [&](const Node&, const Dataset& fit, const Dataset& judge) {
           const std::set<PatientId> inside(fit.patients.begin(), fit.patients.end());
           for (const PatientId patient : judge.patients) EXPECT_FALSE(inside.contains(patient));
           EXPECT_EQ(fit.rows() + judge.rows(), 63u);
           judged += judge.rows();
           return 1.0;
         });
  EXPECT_EQ(judged, 2 * 63u);
}

TEST(Search, HalvingDropsTheWorseHalf) {
  const auto options =
      options_of("{trials: 8, folds: 4, method: halving, space: {depth: {low: 1, high: 1000}}}");
  std::size_t fits = 0;
  const auto result = search(kModel, options, rows_of_patients(40, 1), 1, {},
                             [&](const Node& o, const Dataset&, const Dataset&) {
                               ++fits;
                               return number(o, "depth");
                             });
  EXPECT_EQ(fits, 8u * 1 + 4u * 1 + 2u * 2);
  EXPECT_EQ(result.trials[result.chosen].losses.size(), 4u);
  for (const Trial& trial : result.trials)
    EXPECT_GE(trial.losses[0], result.trials[result.chosen].losses[0]);
}

TEST(Search, AnInterruptedSearchGoesOn) {
  const auto options = options_of("{trials: 6, folds: 2, space: {depth: {low: 1, high: 9}}}");
  const TempFolder folder;
  const fs::path file = folder.path() / "trials.search";
  const Dataset data = rows_of_patients(20, 1);
  std::size_t fits = 0;
  const auto loss = [&](const Node& o, const Dataset&, const Dataset& judge) {
    ++fits;
    return number(o, "depth") + judge.x.at(0, 0) / 100;
  };
  const auto broken = [&](const Node& o, const Dataset& fit, const Dataset& judge) {
    if (fits == 5) throw std::runtime_error("killed");
    return loss(o, fit, judge);
  };
  EXPECT_THROW(search(kModel, options, data, 1, file, broken), std::runtime_error);
  const auto resumed = search(kModel, options, data, 1, file, loss);
  EXPECT_EQ(fits, 12u);
  fits = 0;
  EXPECT_EQ(search_json(resumed), search_json(search(kModel, options, data, 1, {}, loss)));
}

TEST(Search, ATrialThatFailsLosesAndAWrongOptionIsNamed) {
  const auto options = options_of("{trials: 4, space: {depth: {low: 10, high: 20}}}");
  const Dataset data = rows_of_patients(20, 1);
  const auto diverging = [](const Node& o, const Dataset&, const Dataset&) -> double {
    if (number(o, "depth") > 9) fail(Fault::model, "diverged");
    return 5;
  };
  EXPECT_EQ(search(kModel, options, data, 1, {}, diverging).chosen, 0u);
  const auto refusing = [](const Node& o, const Dataset&, const Dataset&) -> double {
    if (number(o, "depth") > 9) fail(Fault::config, "depth is 9 at most");
    return 5;
  };
  try {
    search(kModel, options, data, 1, {}, refusing);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("recipe.yaml:1: search, with {depth: "),
              std::string::npos)
        << error.what();
  }
}

TEST(Search, AFoldThatAllowsNoJudgementIsLeftOutForAll) {
  const auto options = options_of("{trials: 3, folds: 3, space: {depth: [2, 3]}}");
  const Dataset data = rows_of_patients(30, 1);
  int calls = 0;
  const auto partly = [&](const Node& o, const Dataset&, const Dataset&) {
    return calls++ % 3 == 0 ? std::nan("") : number(o, "depth");
  };
  EXPECT_EQ(number(search(kModel, options, data, 1, {}, partly).best, "depth"), 2);
  const auto never = [](const Node&, const Dataset&, const Dataset&) { return std::nan(""); };
  EXPECT_THROW(search(kModel, options, data, 1, {}, never), Error);
}

TEST(Search, WhatCannotBeSearchedIsRefused) {
  for (const char* text :
       {"{trials: 4}", "{space: {}}", "{space: {depth: []}}", "{space: {depth: 3}}",
        "{space: {rate: {low: 2, high: 1}}}", "{space: {rate: {low: 0, high: 1, scale: log}}}",
        "{space: {kind: [trees, linear]}}", "{trials: 1, space: {depth: [2]}}",
        "{method: grid, space: {depth: [2]}}", "{folds: 1, space: {depth: [2]}}"})
    EXPECT_THROW(options_of(text), Error) << text;
}

}  // namespace
}  // namespace cangong
