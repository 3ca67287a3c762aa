#include "report/card.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "train/card.h"

namespace cangong {
namespace {

struct Keys {
  std::vector<std::string>& keys;
  void operator()(const char* key, std::string&, const char*) { keys.emplace_back(key); }
};

// A study with everything that the program may know, judged on another store or not.
StudyReport study(bool external) {
  StudyReport r;
  r.title = "Heart & vessels";
  r.answer = "boolean";
  r.split = external ? "all" : "held_out";
  r.judged = external ? StudyReport::Judged::external : StudyReport::Judged::internal;
  r.told.task = "infarction < 5 years";
  r.models.push_back({"linear", true, {{{"auroc", {0.8, 0.7, 0.9}}}, {}}});
  r.flow.push_back({"In the store", "数据库中", 50, 50});
  r.subgroups.push_back({"SEX", "F", 50, 50, 10, {{"auroc", {0.8, 0.7, 0.9}}}});
  for (const char* key :
       {"version", "data_source", "data_dates", "preparation", "predictors", "missing_values",
        "sample_size", "imbalance", "demographic_inputs", "numbers", "training_numbers"})
    r.facts[key] = {"known", "已知"};
  CardOptions card;
  std::vector<std::string> keys;
  Keys reader{keys};
  card.visit(reader);
  for (const std::string& key : keys) r.card.emplace_back(key, "");
  return r;
}

std::size_t answered(const StudyReport& r, const char* document) {
  return nlohmann::json::parse(card_json(r)).at(document).at("answered");
}

TEST(Card, WhatTheProgramCannotKnowAPersonCanSay) {
  StudyReport r = study(true);
  EXPECT_LT(answered(r, "tripod_ai"), 30u);
  for (auto& [key, text] : r.card) text = "said";
  EXPECT_EQ(answered(r, "tripod_ai"), card_documents()[0].items.size());
  EXPECT_EQ(answered(r, "hti_1"), 29u);  // not what its own patients say
  EXPECT_EQ(card_html(r).find("card: "), card_html(r).rfind("card: "));  // in the introduction
}

TEST(Card, ExternalValidityIsKnownFromAnotherStoreOnly) {
  EXPECT_EQ(facts_of(study(false)).count("external_validity"), 0u);
  EXPECT_EQ(facts_of(study(true)).count("external_validity"), 1u);
  EXPECT_EQ(facts_of(study(true)).count("internal_validity"), 0u);
}

TEST(Card, TrainingPatientsProveNothing) {
  StudyReport r = study(false);
  r.judged = StudyReport::Judged::unclear;
  for (const char* key : {"validity", "internal_validity", "external_validity", "fairness"})
    EXPECT_EQ(facts_of(r).count(key), 0u) << key;
}

TEST(Card, TheDocumentOfChaiIsEscapedAndClosed) {
  const std::string xml = card_chai(study(false));
  EXPECT_NE(xml.find("<ModelName>Heart &amp; vessels</ModelName>"), std::string::npos);
  EXPECT_NE(xml.find("infarction &lt; 5 years"), std::string::npos);
  EXPECT_NE(xml.find("<ModelDeveloper>not yet stated</ModelDeveloper>"), std::string::npos);
  const auto count = [&](const std::string& text) {
    std::size_t n = 0;
    for (std::size_t at = xml.find(text); at != std::string::npos; at = xml.find(text, at + 1)) ++n;
    return n;
  };
  EXPECT_EQ(count("<"), 2 * count("</") + 1);  // each is opened and closed; and the first line
}

}  // namespace
}  // namespace cangong
