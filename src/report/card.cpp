#include "report/card.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "report/page.h"
#include "report/words.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

// The headline metrics with their intervals, in one line.
Words metrics_line(const std::vector<NamedInterval>& metrics, std::size_t most) {
  Words line;
  std::size_t shown = 0;
  for (const auto& [name, interval] : metrics) {
    if (!std::isfinite(interval.low) || shown == most) continue;
    const std::string numbers = " " + metric_text(name, interval.value) + " (" +
                                metric_text(name, interval.low) + " – " +
                                metric_text(name, interval.high) + ")";
    const char* comma = shown++ ? "; " : "";
    line.english += comma + metric_words(name).english + numbers;
    line.chinese += (shown > 1 ? "；" : "") + metric_words(name).chinese + numbers;
  }
  return line;
}

Words same(const std::string& text) {
  return {text, text};
}

Words groups_line(const StudyReport& r) {
  Words line;
  for (const Subgroup& group : r.subgroups) {
    if (group.metrics.empty()) continue;
    const Words own = metrics_line(group.metrics, 2);
    line.english +=
        (line.english.empty() ? "" : " | ") + group.family + " " + group.name + ": " + own.english;
    line.chinese += (line.chinese.empty() ? "" : " | ") + family_words(group.family).chinese + " " +
                    group.name + "：" + own.chinese;
  }
  return line;
}

Words representation(const StudyReport& r) {
  Words line;
  for (const Subgroup& group : r.subgroups) {
    const std::string rest = " " + group.name + " " + format_count(group.patients);
    line.english += (line.english.empty() ? "" : "; ") + family_words(group.family).english + rest;
    line.chinese += (line.chinese.empty() ? "" : "；") + family_words(group.family).chinese + rest;
  }
  return line;
}

Words flow_line(const StudyReport& r) {
  Words line;
  for (const FlowStep& step : r.flow) {
    line.english +=
        (line.english.empty() ? "" : " → ") + step.english + " " + format_count(step.patients);
    line.chinese +=
        (line.chinese.empty() ? "" : " → ") + step.chinese + " " + format_count(step.patients);
  }
  return line;
}

void add_study(const StudyReport& r, Facts& facts) {
  const std::string rows = format_count(r.examples);
  const Words kind = answer_words(r.answer), split = split_words(r.split);
  facts["title"] = same(r.title);
  facts["summary"] = {
      r.description + " " + metrics_line(r.models[0].assessment.metrics, 3).english,
      r.description + " " + metrics_line(r.models[0].assessment.metrics, 3).chinese};
  facts["split"] = split;
  facts["eligibility"] = {"as the task file defines: " + r.told.task,
                          "由任务文件定义：" + r.told.task};
  facts["outcome"] = facts["eligibility"];
  facts["output"] = {kind.english + ": " + r.told.task, kind.chinese + "：" + r.told.task};
  facts["output_kind"] = kind;
  facts["model"] = model_words(r.models[0].name);
  facts["specification"] = {"the bundle, by digest; recipe and task are printed in the report",
                            "模型包（按摘要）；配方与任务载于报告"};
  facts["flow"] = flow_line(r);
  Words measures;
  for (const auto& [name, interval] : r.models[0].assessment.metrics) {
    if (name.find('@') != std::string::npos) continue;
    measures.english += (measures.english.empty() ? "" : ", ") + metric_words(name).english;
    measures.chinese += (measures.chinese.empty() ? "" : "、") + metric_words(name).chinese;
  }
  facts["measures"] = {measures.english + "; intervals by resampling patients",
                       measures.chinese + "；区间由患者重抽样得到"};
  facts["answers_made"] = {"by the program from the same encoder as in training",
                           "由程序以训练时的同一编码器计算"};
  facts["abstention"] = {"no answer where too much is missing or unlike training: " +
                             format_count(r.abstained) + " of " + rows + " here",
                         "缺失过多或与训练数据不符时不作答：本次 " + rows + " 个样本中 " +
                             format_count(r.abstained) + " 个"};
}

void add_validity(const StudyReport& r, Facts& facts) {
  using Judged = StudyReport::Judged;
  const Words validity = metrics_line(r.models[0].assessment.metrics, 6);
  const Words groups = groups_line(r), people = representation(r);
  const auto say = [&](const std::string& key, const Words& words) {
    if (!words.english.empty()) facts[key] = words;
  };
  say("representativeness", people);
  if (r.judged == Judged::unclear) return;
  const bool inside = r.judged == Judged::internal;
  const std::string where = inside ? "internal" : "external";
  say(where + "_validity", validity);
  say(where + "_fairness", groups);
  say("validity", validity);
  say("fairness", groups);
  facts["objective"] =
      inside ? Words{"development and evaluation in one study", "同一研究中开发并评估"}
             : Words{"evaluation of a model on patients of another store",
                     "在另一数据库的患者上评估模型"};
  if (inside) {
    facts["differences"] = {"none by design: drawn from the same store",
                            "设计上无差异：来自同一数据库"};
    return;
  }
  facts["external_source"] = {"another store than that of the training, judged as it is",
                              "训练以外的另一数据库，直接评估"};
  say("external_representativeness", people);
  facts["relevance"] = {"judged on data of this store", "已在本数据库上评估"};
}

}  // namespace

Facts facts_of(const StudyReport& r) {
  Facts facts;
  add_study(r, facts);
  add_validity(r, facts);
  for (const auto& [key, words] : r.facts) facts[key] = words;
  for (const auto& [key, text] : r.card)
    if (!text.empty()) facts[key] = same(text);
  return facts;
}

namespace {

// The known answers to an item, and the keys that are still open.
struct Answered {
  Words text;
  std::vector<std::string> open;
};

Answered answer_to(const CardItem& item, const Facts& facts) {
  Answered out;
  for (const std::string_view word : split(item.keys, ' ')) {
    const std::string key(word);
    const auto found = facts.find(key);
    if (found == facts.end() || found->second.english.empty()) {
      out.open.push_back(key);
      continue;
    }
    out.text.english += (out.text.english.empty() ? "" : "; ") + found->second.english;
    out.text.chinese += (out.text.chinese.empty() ? "" : "；") + found->second.chinese;
  }
  return out;
}

}  // namespace

std::string card_json(const StudyReport& r) {
  const Facts facts = facts_of(r);
  Json json;
  for (const CardDocument& document : card_documents()) {
    Json items = Json::array();
    std::size_t answered = 0;
    for (const CardItem& item : document.items) {
      const Answered answer = answer_to(item, facts);
      answered += answer.open.empty();
      items.push_back({{"number", item.number},
                       {"asks", {{"en", item.english}, {"zh", item.chinese}}},
                       {"answer", answer.text.english.empty() ? Json()
                                                              : Json{{"en", answer.text.english},
                                                                     {"zh", answer.text.chinese}}},
                       {"open", answer.open}});
    }
    json[std::string(document.name)] = {{"source", document.source},
                                        {"answered", answered},
                                        {"asked", document.items.size()},
                                        {"items", items}};
  }
  return json.dump(1) + "\n";
}

namespace {

// Who is to answer: a person, or an evaluation elsewhere.
Words still_open(const std::string& key, const StudyReport& r) {
  for (const auto& [own, text] : r.card)
    if (own == key) return {"to be answered: card: " + key, "待填写：card: " + key};
  if (key.starts_with("internal") || key == "validity" || key == "fairness" || key == "objective")
    return {"known after an evaluation on patients who did not train it",
            "在未参与训练的患者上评估后可知"};
  return {"known after an evaluation on another store (--split all)",
          "在另一数据库上评估后可知（--split all）"};
}

}  // namespace

std::string card_html(const StudyReport& r) {
  const Facts facts = facts_of(r);
  std::string html;
  for (const CardDocument& document : card_documents()) {
    html += heading({std::string(document.english), std::string(document.chinese)}) + "<p>" +
            escape_html(document.source) + "</p><div class='scroll'><table class='card'><tbody>";
    for (const CardItem& item : document.items) {
      const Answered answer = answer_to(item, facts);
      html += "<tr><th>" + std::string(item.number) + "</th><th>" +
              both({std::string(item.english), std::string(item.chinese)}) + "</th><td>" +
              both(answer.text);
      for (const std::string& key : answer.open)
        html += " <em>" + both(still_open(key, r)) + "</em>";
      html += "</td></tr>";
    }
    html += "</tbody></table></div>";
  }
  const Words intro{
      "What the program knows is filled in; the rest is for a person, in the recipe under card:. "
      "This is no cleared medical device.",
      "程序已知的内容已自动填写；其余由人在配方的 card: 下填写。本工具不是获批的医疗器械。"};
  return page(r.title, both(intro), html);
}

namespace {

// Elements of the schema in its order; a leaf names the facts that fill it.
struct ChaiElement {
  std::string_view path, keys;
};

constexpr ChaiElement kChai[] = {
    {"BasicInfo/ModelName", "title"},
    {"BasicInfo/ModelDeveloper", "developer"},
    {"BasicInfo/DeveloperContact", "contact"},
    {"ReleaseInfo/ReleaseStage", "release"},
    {"ReleaseInfo/ReleaseDate", "release_date"},
    {"ReleaseInfo/ReleaseVersion", "version"},
    {"ReleaseInfo/GlobalAvailability", "availability"},
    {"ModelSummary/Summary", "summary"},
    {"ModelSummary/Keywords/Keyword", "output_kind"},
    {"UsesAndDirections/IntendedUseAndWorkflow", "intended_use"},
    {"UsesAndDirections/PrimaryIntendedUsers", "intended_users"},
    {"UsesAndDirections/HowToUse", "how_to_use"},
    {"UsesAndDirections/TargetedPatientPopulation", "eligibility"},
    {"UsesAndDirections/CautionedOutOfScopeSettings", "out_of_scope"},
    {"Warnings/KnownRisksAndLimitations", "risks"},
    {"Warnings/KnownBiasesOrEthicalConsiderations", "biases"},
    {"Warnings/ClinicalRiskLevel", "clinical_risk"},
    {"TrustIngredients/AISystemFacts/OutcomesAndOutputs", "output"},
    {"TrustIngredients/AISystemFacts/ModelType", "model"},
    {"TrustIngredients/AISystemFacts/InputDataSource", "data_source"},
    {"TrustIngredients/AISystemFacts/OutputAndInputDataTypes", "predictors"},
    {"TrustIngredients/AISystemFacts/DevelopmentDataCharacterization", "training_numbers"},
    {"TrustIngredients/AISystemFacts/BiasMitigationApproaches", "bias_mitigation"},
    {"TrustIngredients/AISystemFacts/OngoingMaintenance", "updates"},
    {"TrustIngredients/TransparencyInformation/FundingSource", "funding"},
    {"TrustIngredients/TransparencyInformation/StakeholdersConsulted", "stakeholders"},
    {"KeyMetrics/UsefulnessUsabilityEfficacy/MetricGoal", "output"},
    {"KeyMetrics/UsefulnessUsabilityEfficacy/Result", "validity"},
    {"KeyMetrics/UsefulnessUsabilityEfficacy/Interpretation", "interpretation"},
    {"KeyMetrics/UsefulnessUsabilityEfficacy/TestType", "split"},
    {"KeyMetrics/UsefulnessUsabilityEfficacy/TestingDataDescription", "numbers"},
    {"KeyMetrics/UsefulnessUsabilityEfficacy/ValidationProcessAndJustification", "measures"},
    {"KeyMetrics/FairnessEquity/MetricGoal", "fairness_approach"},
    {"KeyMetrics/FairnessEquity/Result", "fairness"},
    {"KeyMetrics/FairnessEquity/Interpretation", "biases"},
    {"KeyMetrics/FairnessEquity/TestType", "split"},
    {"KeyMetrics/FairnessEquity/TestingDataDescription", "representativeness"},
    {"KeyMetrics/FairnessEquity/ValidationProcessAndJustification", "measures"},
    {"KeyMetrics/SafetyReliability/MetricGoal", "abstention"},
    {"KeyMetrics/SafetyReliability/Result", "stability"},
    {"KeyMetrics/SafetyReliability/Interpretation", "risks"},
    {"KeyMetrics/SafetyReliability/TestType", "split"},
    {"KeyMetrics/SafetyReliability/TestingDataDescription", "numbers"},
    {"KeyMetrics/SafetyReliability/ValidationProcessAndJustification", "measures"},
    {"Resources/PeerReviewedPublications", "publications"},
    {"Resources/PatientConsentOrDisclosure", "consent"},
    {"Bibliography", "publications"},
};

}  // namespace

std::string card_chai(const StudyReport& r) {
  const Facts facts = facts_of(r);
  std::string xml =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<AppliedModelCard xmlns=\"https://mc.chai.org/v0.1/schema.xsd\">\n";
  std::vector<std::string> open;
  const auto close_to = [&](std::size_t depth) {
    for (; open.size() > depth; open.pop_back()) xml += "</" + open.back() + ">\n";
  };
  for (const ChaiElement& element : kChai) {
    std::vector<std::string> path;
    for (const std::string_view name : split(element.path, '/')) path.emplace_back(name);
    std::size_t shared = 0;
    while (shared < open.size() && shared + 1 < path.size() && open[shared] == path[shared])
      ++shared;
    close_to(shared);
    for (; shared + 1 < path.size(); ++shared) {
      xml += "<" + path[shared] + ">\n";
      open.push_back(path[shared]);
    }
    const Answered answer = answer_to({"", "", "", element.keys}, facts);
    const std::string text = answer.open.empty() ? answer.text.english : "not yet stated";
    xml += "<" + path.back() + ">" + escape_html(text) + "</" + path.back() + ">\n";
  }
  close_to(0);
  return xml + "</AppliedModelCard>\n";
}

}  // namespace cangong
