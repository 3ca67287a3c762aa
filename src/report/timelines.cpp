#include "report/timelines.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "base/json_values.h"
#include "base/text.h"
#include "report/page.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kFewest = 10;  // events: below it a figure of one outcome says nothing
constexpr std::size_t kRows = 60;

Json json_of(const Interval& interval) {
  return {{"value", number(interval.value)},
          {"low", number(interval.low)},
          {"high", number(interval.high)}};
}

std::string cell(const std::string& text) {
  return "<td>" + text + "</td>";
}

std::string cell(const Interval& interval) {
  if (!std::isfinite(interval.value)) return cell("–");
  return cell(format_fixed(interval.value, 2) + " <small>(" + format_fixed(interval.low, 2) +
              " – " + format_fixed(interval.high, 2) + ")</small>");
}

// Up to where its rows begin.
std::string table_head(std::span<const Words> titles) {
  std::string html = "<table><thead><tr>";
  for (const Words& title : titles) html += "<th scope='col'>" + both(title) + "</th>";
  return html + "</tr></thead><tbody>";
}

std::string row(const JudgedOutcome& one) {
  const std::string name = one.description.empty() ? one.code : one.description;
  return "<tr><th scope='row'>" + escape_html(name) + " <small>" + escape_html(one.code) +
         "</small></th>" + cell(format_count(one.patients)) +
         cell(format_count(static_cast<std::size_t>(one.observed))) +
         cell(format_fixed(one.expected, 1)) + cell(one.ratio) + cell(one.auroc) +
         cell(std::isfinite(one.slope) ? format_fixed(one.slope, 2) : "–") + "</tr>";
}

// Beside the truth that only made-up people have.
std::string table_of_truth(const TimelinesReport& report) {
  std::string rows;
  for (const JudgedOutcome& one : report.outcomes)
    if (one.truth && one.observed >= kFewest)
      rows += "<tr><th scope='row'>" +
              escape_html(one.description.empty() ? one.code : one.description) + "</th>" +
              cell(format_fixed(100 * one.truth->mean, 2) + " %") +
              cell(format_fixed(one.truth->ratio, 3)) + cell(format_fixed(one.truth->slope, 3)) +
              cell(format_fixed(100 * one.truth->error, 1) + " %") + "</tr>";
  if (rows.empty()) return "";
  const Words titles[] = {{"Outcome", "结局"},
                          {"True risk, mean", "平均真实风险"},
                          {"Foretold / true", "预测/真实"},
                          {"Slope on the true risk", "对真实风险的斜率"},
                          {"Mean distance, of the mean risk", "平均偏差（占平均风险）"}};
  return heading({"Beside the true risk", "与真实风险对比"}) + table_head(titles) + rows +
         "</tbody></table>";
}

std::string table_of_effects(const TimelinesReport& report) {
  if (report.effects.empty()) return "";
  const Words titles[] = {{"Drug", "药物"},
                          {"Outcome", "结局"},
                          {"True log hazard ratio", "真实对数风险比"},
                          {"Randomised", "随机分组"},
                          {"Usual care", "常规诊疗"},
                          {"Hardly ever given, usual care", "常规诊疗中极少使用者"}};
  std::string html = heading({"What drugs do, and what the model takes them to do",
                              "药物的真实作用与模型所认为的作用"}) +
                     table_head(titles);
  const auto told = [](const DrugEffect::Arm& arm) {
    if (arm.people == 0) return cell("–");
    return cell(format_fixed(arm.log_ratio, 2) + " <small>(" + format_count(arm.people) +
                ")</small>");
  };
  for (const DrugEffect& one : report.effects)
    html += "<tr><th scope='row'>" + escape_html(one.drug) + "</th>" +
            cell(escape_html(one.outcome)) + cell(format_fixed(one.truth, 2)) +
            told(one.randomised) + told(one.usual) +
            cell(one.usual.people ? format_fixed(100 * one.usual.hardly_given, 0) + " %" : "–") +
            "</tr>";
  return html + "</tbody></table>";
}

std::string table(const TimelinesReport& report) {
  const Words titles[] = {{"Outcome", "结局"},
                          {"Could have it", "可能发生者"},
                          {"Had it", "实际发生"},
                          {"Foretold", "预测人数"},
                          {"Had it / foretold (95 %)", "实际/预测（95%）"},
                          {"AUROC (95 %)", "AUROC（95%）"},
                          {"Slope", "校准斜率"}};
  std::string html = table_head(titles);
  for (std::size_t i = 0; i < std::min(kRows, report.outcomes.size()); ++i)
    html += row(report.outcomes[i]);
  return html + "</tbody></table>";
}

// Each outcome a dot: the share of patients for whom it was foretold, and who had it.
std::string dots(const TimelinesReport& report) {
  Curve curve{"outcomes", {}};
  double top = 0.02;
  for (const JudgedOutcome& one : report.outcomes) {
    const auto n = static_cast<double>(one.patients);
    if (one.observed < kFewest) continue;
    curve.points.push_back({one.expected / n, one.observed / n});
    top = std::max({top, one.expected / n, one.observed / n});
  }
  if (curve.points.empty()) return "";
  Series series{{"outcomes", "结局"}, &curve};
  series.dots = true;
  Axes axes{{"Share for whom it was foretold", "预测的比例"}, {"Share that had it", "实际的比例"}};
  axes.x_high = axes.y_high = std::min(1.0, 1.05 * top);
  axes.diagonal = true;
  return heading({"Did it come as often as foretold?", "是否如预测般发生？"}) +
         line_chart(axes, {series});
}

}  // namespace

std::string timelines_report_json(const TimelinesReport& report) {
  Json json{{"model", report.bundle},        {"name", report.model},
            {"store", report.store},         {"synthetic", report.synthetic},
            {"judged_by", report.judged_by}, {"years", report.years},
            {"patients", report.patients},   {"futures", report.futures}};
  if (report.task.empty())
    json["as_of"] = format_time(report.as_of);
  else
    json.update(Json{{"task", report.task},
                     {"not_asked", report.not_asked},
                     {"not_taken", report.not_taken},
                     {"cut", report.cut}});
  Json outcomes = Json::array();
  for (const JudgedOutcome& one : report.outcomes) {
    outcomes.push_back({{"code", one.code},
                        {"description", one.description},
                        {"patients", one.patients},
                        {"observed", one.observed},
                        {"expected", one.expected},
                        {"observed_to_expected", json_of(one.ratio)},
                        {"auroc", json_of(one.auroc)},
                        {"calibration_slope", number(one.slope)}});
    if (one.truth)
      outcomes.back()["truth"] = {{"mean_risk", one.truth->mean},
                                  {"foretold_to_true", number(one.truth->ratio)},
                                  {"slope", number(one.truth->slope)},
                                  {"error_of_mean", number(one.truth->error)}};
  }
  json["outcomes"] = outcomes;
  const auto arm = [](const DrugEffect::Arm& one) {
    return Json{{"people", one.people},
                {"log_ratio", number(one.log_ratio)},
                {"spread", number(one.spread)},
                {"hardly_given", number(one.hardly_given)}};
  };
  json["effects"] = Json::array();
  for (const DrugEffect& one : report.effects)
    json["effects"].push_back({{"drug", one.drug},
                               {"outcome", one.outcome},
                               {"log_ratio", one.truth},
                               {"randomised", arm(one.randomised)},
                               {"usual_care", arm(one.usual)}});
  return json.dump(1) + "\n";
}

namespace {

// What was compared.
Words said_of(const TimelinesReport& report, const Words& who) {
  const std::string people = format_count(report.patients);
  if (!report.task.empty())
    return {people + " examples of the task " + report.task + ", of " + who.english +
                ". The model was never trained for it: futures were drawn behind each example, " +
                std::to_string(report.futures) +
                " of them, and labelled as records are; the share of yes is compared with what "
                "the records say. Without an answer: " +
                format_count(report.not_asked + report.not_taken) + ".",
            "任务 " + report.task + " 的 " + people + " 个样本，来自" + who.chinese +
                "。模型未针对该任务训练：为每个样本抽取 " + std::to_string(report.futures) +
                " 个未来，并按记录的规则标注；“是”的比例与实际记录对比。未能作答：" +
                format_count(report.not_asked + report.not_taken) + "。"};
  const std::string when = format_time(report.as_of).substr(0, 10),
                    years = format_short(report.years, 3);
  return {people + " " + who.english + ", each looked at on " + when +
              "; nothing that became known later was used. What the model foretold for the next " +
              years +
              " years is compared with what their records then say. Who had no later record "
              "counts as well; who died first, as not having it.",
          people + " 名" + who.chinese + "，于 " + when +
              " 评估；未使用此后才知道的信息。模型对其后 " + years +
              " 年的预测与实际记录对比。此后没有记录者按未发生计；先死亡者按未发生计。"};
}

}  // namespace

std::string timelines_report_html(const TimelinesReport& report) {
  const Words who = report.judged_by == "everybody"
                        ? Words{"patients of another hospital than the training's",
                                "来自另一所医院（非训练数据）的患者"}
                    : report.judged_by == "tuning"
                        ? Words{"patients who did not train the model but chose among its states",
                                "未参与训练但参与模型选择的患者"}
                        : Words{"patients who had no part in the training", "未参与训练的患者"};
  std::string body;
  if (report.synthetic)
    body += paragraph({"SYNTHETIC: the patients do not exist.", "合成数据：患者并不存在。"});
  body += paragraph(said_of(report, who));
  body += dots(report);
  body += heading({"Outcome by outcome", "逐个结局"}) + table(report) + table_of_truth(report) +
          table_of_effects(report);
  body +=
      paragraph({"Ranges are of chance among these patients. Few events say little: a row with "
                 "fewer than ten is no evidence either way.",
                 "范围反映这些患者的偶然性。事件太少说明不了什么：少于十例的行不足为据。"});
  return page("Timelines: " + report.model,
              both({"Model " + report.bundle.substr(0, 16), "模型 " + report.bundle.substr(0, 16)}),
              body);
}

}  // namespace cangong
