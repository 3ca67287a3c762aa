#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/page.h"
#include "report/paragraph.h"
#include "report/sections.h"
#include "report/study.h"
#include "report/svg.h"
#include "report/words.h"

namespace cangong {
namespace {

const Curve* curve_named(const Assessment& assessment, std::string_view name) {
  for (const auto& curve : assessment.curves)
    if (curve.name == name && !curve.points.empty()) return &curve;
  return nullptr;
}

const Interval* metric_named(const std::vector<NamedInterval>& metrics, std::string_view name) {
  for (const auto& metric : metrics)
    if (metric.name == name) return &metric.interval;
  return nullptr;
}

std::string interval_text(const std::string& name, const Interval& i) {
  if (!std::isfinite(i.value)) return "–";
  std::string text = metric_text(name, i.value);
  if (std::isfinite(i.low) && std::isfinite(i.high))
    text +=
        " <small>(" + metric_text(name, i.low) + " – " + metric_text(name, i.high) + ")</small>";
  return text;
}

std::string headline(const StudyReport& r) {
  const Assessment& main = r.models.front().assessment;
  const char* shown[] = {
      "auroc", "c_index", "r2", "accuracy", "calibration_slope", "observed_to_expected",
      "rmse",  "brier",   "ibs"};
  std::string html = "<div class='tiles'>";
  int count = 0;
  for (const char* name : shown) {
    const Interval* metric = metric_named(main.metrics, name);
    if (!metric || count == 4) continue;
    ++count;
    html += "<div class='tile'><b>" + metric_text(name, metric->value) + "</b><small>" +
            metric_text(name, metric->low) + " – " + metric_text(name, metric->high) +
            "</small><span>" + both(metric_words(name)) + "</span></div>";
  }
  return html + "</div>";
}

std::string flow(const StudyReport& r) {
  std::vector<FlowBox> boxes;
  for (const auto& step : r.flow) {
    const std::string people = format_count(step.patients), rows = format_count(step.examples);
    boxes.push_back({{step.english + ": " + people + " patients" +
                          (step.examples ? ", " + rows + " examples" : ""),
                      step.chinese + "：" + people + " 名患者" +
                          (step.examples ? "，" + rows + " 个样本" : "")}});
  }
  return heading({"Who was studied", "研究对象"}) + flow_chart(boxes);
}

double top_of(const Curve* a, const Curve* b, bool bands) {
  double top = 0.05;
  for (const Curve* curve : {a, b}) {
    if (!curve) continue;
    for (const auto& p : curve->points)
      top = std::max({top, p.x, std::isfinite(p.y) ? p.y : 0, bands ? p.high : 0});
  }
  return std::min(1.0, top * 1.05);
}

std::string calibration(const StudyReport& r) {
  const Assessment& main = r.models.front().assessment;
  const Curve* bins = curve_named(main, "calibration_bins");
  const Curve* smooth = curve_named(main, "calibration");
  const Curve* scatter = curve_named(main, "observed");
  if (scatter) {
    double low = 1e300, high = -1e300;
    for (const auto& p : scatter->points)
      low = std::min({low, p.x, p.y}), high = std::max({high, p.x, p.y});
    return heading({"Predicted and observed", "预测值与观察值"}) +
           line_chart({{"predicted", "预测值"}, {"observed", "观察值"}, low, high, low, high, true},
                      {{{"", ""}, scatter, 0, false, true, false}});
  }
  if (!bins) return "";
  const double top = top_of(bins, smooth, true);
  std::vector<Series> series;
  if (smooth) series.push_back({{"smooth curve", "平滑曲线"}, smooth, 0, false, false, false});
  series.push_back(
      {{"groups of patients, 95 %", "患者分组，95 % 区间"}, bins, 1, false, true, false});
  return heading({"Calibration: do the predicted risks come true?", "校准：预测的风险是否成真？"}) +
         paragraph({"Points on the dashed line mean that of 100 patients told \"20 %\", 20 had the "
                    "event.",
                    "点落在虚线上表示：被告知“20 %”的 100 名患者中，有 20 名发生了事件。"}) +
         line_chart({{"predicted risk", "预测风险"},
                     {"observed frequency", "观察频率"},
                     0,
                     top,
                     0,
                     top,
                     true},
                    series);
}

std::string discrimination(const StudyReport& r) {
  const Assessment& main = r.models.front().assessment;
  std::string html;
  if (const Curve* roc = curve_named(main, "roc")) {
    std::vector<Series> series;
    int colour = 0;
    for (const auto& model : r.models)
      if (const Curve* own = curve_named(model.assessment, "roc"))
        series.push_back(
            {model_words(model.name), own, colour++ % 6, false, false, !model.is_main});
    (void)roc;
    html += line_chart(
        {{"1 − specificity", "1 − 特异度"}, {"sensitivity", "灵敏度"}, 0, 1, 0, 1, true}, series);
  }
  if (const Curve* pr = curve_named(main, "pr"))
    html += line_chart({{"recall", "召回率"}, {"precision", "精确率"}, 0, 1, 0, 1, false},
                       {{{"precision-recall", "精确率-召回率"}, pr, 0, false, false, false}});
  if (curve_named(main, "km_low")) {
    double last = 0;
    for (const char* name : {"km_low", "km_middle", "km_high"})
      last = std::max(last, curve_named(main, name)->points.back().x);
    const auto third = [&](const char* name, Words words, int colour) {
      return Series{words, curve_named(main, name), colour, true, false, false};
    };
    html += line_chart({{"days", "天"},
                        {"free of the event", "未发生事件的比例"},
                        0,
                        std::max(last, 1.0),
                        0,
                        1,
                        false},
                       {third("km_low", {"lowest third of risk", "风险最低的三分之一"}, 1),
                        third("km_middle", {"middle third", "中间三分之一"}, 2),
                        third("km_high", {"highest third", "风险最高的三分之一"}, 0)});
  }
  if (html.empty()) return "";
  return heading({"Discrimination: are those with the event ranked higher?",
                  "区分度：发生事件者排序是否更高？"}) +
         "<div class='pair'>" + html + "</div>";
}

std::string decision(const StudyReport& r) {
  const Assessment& main = r.models.front().assessment;
  const Curve* own = curve_named(main, "net_benefit");
  const Curve* all = curve_named(main, "net_benefit_all");
  if (!own || !all) return "";
  double low = 0, high = 0.01;
  for (const auto& p : own->points) high = std::max(high, p.y);
  for (const auto& p : all->points) high = std::max(high, p.y);
  low = -0.25 * high;
  const Curve none{"none", {{0, 0}, {own->points.back().x, 0}}, false};
  return heading({"Is it worth acting on? (decision curve)", "是否值得据此行动？（决策曲线）"}) +
         line_chart({{"threshold at which one would act", "采取行动的阈值"},
                     {"net benefit", "净获益"},
                     0,
                     own->points.back().x,
                     low,
                     high * 1.05,
                     false},
                    {{{"this model", "本模型"}, own, 0, false, false, false},
                     {{"act on everyone", "对所有人行动"}, all, 1, false, false, true},
                     {{"act on no one", "不行动"}, &none, 2, false, false, true}});
}

std::string metrics_table(const StudyReport& r) {
  std::string html = heading({"All figures, with 95 % intervals", "全部指标及 95 % 区间"}) +
                     "<div class='scroll'><table><thead><tr><th></th>";
  for (const auto& model : r.models)
    html += "<th>" + both(model_words(model.name)) + (model.is_main ? " ★" : "") + "</th>";
  html += "</tr></thead><tbody>";
  for (const auto& metric : r.models.front().assessment.metrics) {
    html += "<tr><th>" + both(metric_words(metric.name)) + "</th>";
    for (const auto& model : r.models) {
      const Interval* own = metric_named(model.assessment.metrics, metric.name);
      html += "<td>" + (own ? interval_text(metric.name, *own) : "–") + "</td>";
    }
    html += "</tr>";
  }
  return html + "</tbody></table></div>";
}

std::string further_tasks(const StudyReport& r) {
  if (r.also.empty()) return "";
  std::string html =
      heading({"What the same network answers beside", "同一网络同时回答的其他问题"});
  for (const FurtherResult& further : r.also) {
    html += "<h3>" + escape_html(further.task) + " (" + format_count(further.examples) +
            ")</h3><div class='scroll'><table><tbody>";
    for (const auto& metric : further.metrics)
      html += "<tr><th>" + both(metric_words(metric.name)) + "</th><td>" +
              interval_text(metric.name, metric.interval) + "</td></tr>";
    html += "</tbody></table></div>";
  }
  return html;
}

std::string p_text(double p) {
  return p < 0.001 ? "&lt; 0.001" : format_fixed(p, 3);
}

// One row per measure and baseline.
std::string comparisons(const StudyReport& r) {
  if (r.comparisons.empty()) return "";
  std::string html =
      heading({"Is it better than the baselines?", "是否优于基线模型？"}) +
      paragraph(
          {"This model less the baseline, on the same patients: both are judged on the same "
           "resamples. An interval without 0 speaks for a difference.",
           "本模型减去基线模型：两者在相同患者的相同重抽样上比较。区间不含 0 提示存在差异。"}) +
      "<div class='scroll'><table><thead><tr><th></th><th>" + both({"against", "对照"}) +
      "</th><th>" + both({"difference", "差值"}) + "</th><th>p</th></tr></thead><tbody>";
  for (const Comparison& c : r.comparisons)
    html += "<tr><th>" + both(metric_words(c.metric)) + "</th><td>" + both(model_words(c.against)) +
            "</td><td>" + interval_text(c.metric, c.difference) + "</td><td>" + p_text(c.p) +
            "</td></tr>";
  return html + "</tbody></table></div>";
}

// One row per group; groups that are too small to judge show their size alone.
std::string subgroups(const StudyReport& r) {
  const auto judged = std::find_if(r.subgroups.begin(), r.subgroups.end(),
                                   [](const Subgroup& group) { return !group.metrics.empty(); });
  if (judged == r.subgroups.end()) return "";
  std::string html =
      heading({"For whom it works: subgroups", "适用人群：亚组"}) +
      paragraph({"Each group beside everyone else, with intervals. Small groups "
                 "show wide intervals, not proof of equality.",
                 "各亚组与其余患者相比较，附区间。小亚组的区间较宽，并不证明相同。"}) +
      "<div class='scroll'><table><thead><tr><th></th><th>" + both({"patients", "患者"}) +
      "</th><th>" + both({"events", "事件"}) + "</th>";
  for (const auto& metric : judged->metrics)
    html += "<th>" + both(metric_words(metric.name)) + "</th>";
  html += "</tr></thead><tbody>";
  for (const Subgroup& group : r.subgroups) {
    html += "<tr><th>" + both(family_words(group.family)) + " " + escape_html(group.name) +
            "</th><td>" + format_count(group.patients) + "</td><td>" + format_count(group.events) +
            "</td>";
    for (const auto& wanted : judged->metrics) {
      const Interval* own = metric_named(group.metrics, wanted.name);
      html += "<td>" + (own ? interval_text(wanted.name, *own) : "–") + "</td>";
    }
    html += "</tr>";
  }
  return html + "</tbody></table></div>";
}

std::string explanation(const StudyReport& r) {
  std::string html;
  std::vector<Bar> bars;
  for (const auto& row : r.importance) {
    const std::string label =
        row.description.empty() ? row.feature : row.description + " (" + row.feature + ")";
    bars.push_back({shorten(label, 60), row.share});
  }
  if (!bars.empty())
    html += heading({"What the model relies on", "模型依据"}) +
            paragraph({"Share of the mean absolute Shapley value. It says what the model uses, not "
                       "what causes the outcome.",
                       "平均绝对 Shapley 值的占比。它说明模型使用了什么，而不是结局的原因。"}) +
            bar_chart(bars);
  if (r.cases.empty()) return html;
  html += heading({"Example patients", "患者示例"});
  for (const auto& one : r.cases)
    html += "<h3>" + both({one.english, one.chinese}) + "</h3>" + waterfall(one.prediction, 8) +
            paragraph(clinician_paragraph(one.prediction, r.told));
  return html;
}

std::string card(const StudyReport& r) {
  std::string html = heading({"Model card", "模型卡"}) + "<table class='card'>";
  const auto row = [&](const Words& label, const std::string& value) {
    html += "<tr><th>" + both(label) + "</th><td>" + value + "</td></tr>";
  };
  row({"Question", "问题"}, escape_html(r.task));
  row({"Intended use", "预期用途"}, r.description.empty()
                                        ? both({"not stated in the recipe", "配方中未说明"})
                                        : escape_html(r.description));
  row({"Kind of answer", "答案类型"}, both(answer_words(r.answer)));
  row({"Model", "模型"}, both(model_words(r.models.front().name)));
  row({"Judged on", "评估对象"}, both(split_words(r.split)) + ", " + format_count(r.patients) +
                                     " / " + format_count(r.examples));
  row({"No answer given", "未给出答案"},
      format_count(r.abstained) + " / " + format_count(r.examples) + " " +
          both({"(the figures count these too)", "（上述指标也包含这些样本）"}));
  row({"Documents", "文件"},
      "<a href='card.html'>" +
          both({"TRIPOD+AI and HTI-1, filled where known; CHAI as card.chai.xml",
                "TRIPOD+AI 与 HTI-1（已知项已填写）；CHAI 见 card.chai.xml"}) +
          "</a>");
  row({"Limits", "局限"},
      both(
          {"Judged on data of the same origin unless the split says otherwise. An association that "
           "the model uses is not a cause. Not a medical device; a clinician decides.",
           "除非划分方式另有说明，评估数据与训练数据同源。模型使用的关联并非因果。"
           "本工具不是医疗器械，由临床医生作出决定。"}));
  html += "</table>";
  for (const auto& [english, chinese] : r.notes)
    html += "<p class='note'>" + both({english, chinese}) + "</p>";
  return html;
}

std::string reproducibility(const StudyReport& r) {
  std::string html =
      heading({"How to get the same figures again", "如何复现"}) + "<table class='card'>";
  for (const auto& [label, value] : r.reproducibility)
    html += "<tr><th>" + both(origin_words(label)) + "</th><td><code>" + escape_html(value) +
            "</code></td></tr>";
  html += "</table><details><summary>" + both({"Task", "任务"}) + "</summary><pre>" +
          escape_html(r.task_text) + "</pre></details><details><summary>" +
          both({"Recipe", "配方"}) + "</summary><pre>" + escape_html(r.recipe_text) +
          "</pre></details>";
  return html;
}

}  // namespace

std::string report_html(const StudyReport& r) {
  return page(r.title, escape_html(r.description),
              headline(r) + flow(r) + calibration(r) + whole_curve_section(r) + discrimination(r) +
                  decision(r) + metrics_table(r) + comparisons(r) + further_tasks(r) +
                  subgroups(r) + stability_section(r) + explanation(r) + dependence_section(r) +
                  card(r) + reproducibility(r));
}

}  // namespace cangong
