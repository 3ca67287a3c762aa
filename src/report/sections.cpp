#include "report/sections.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/page.h"
#include "report/svg.h"
#include "report/words.h"

namespace cangong {
namespace {

// The range of the points, bands included, a little widened.
Axes axes_around(Words x, Words y, const std::vector<CurvePoint>& points) {
  Axes axes{x, y, 1e300, -1e300, 1e300, -1e300, false};
  for (const CurvePoint& p : points) {
    axes.x_low = std::min(axes.x_low, p.x), axes.x_high = std::max(axes.x_high, p.x);
    axes.y_low = std::min({axes.y_low, p.y, p.low}),
    axes.y_high = std::max({axes.y_high, p.y, p.high});
  }
  const double room = std::max(0.05 * (axes.y_high - axes.y_low), 1e-6);
  axes.y_low -= room, axes.y_high += room;
  if (axes.x_high <= axes.x_low) axes.x_high = axes.x_low + 1;
  return axes;
}

std::string banded(const Axes& axes, const Curve& curve) {
  return line_chart(axes, {{{"", ""}, &curve, 0, false, false, false}});
}

std::string learning_curve(const Stability& s) {
  Curve curve{"sizes", {}, true};
  for (const auto& size : s.sizes)
    curve.points.push_back({static_cast<double>(size.patients), size.loss, size.low, size.high});
  return banded(axes_around({"training patients", "训练患者数"}, {"loss", "损失"}, curve.points),
                curve);
}

// At most 60 points, each the mean of its neighbours.
std::string spread_of_refits(const Stability& s) {
  Curve curve{"spreads", {}, true};
  const std::size_t n = s.spreads.size(), groups = std::min<std::size_t>(n, 60);
  for (std::size_t g = 0; g < groups; ++g) {
    CurvePoint point{0, 0};
    const std::size_t from = g * n / groups, to = (g + 1) * n / groups;
    for (std::size_t i = from; i < to; ++i) {
      const auto& one = s.spreads[i];
      point.x += one.value, point.y += one.mean, point.low += one.low, point.high += one.high;
    }
    for (double* v : {&point.x, &point.y, &point.low, &point.high})
      *v /= static_cast<double>(to - from);
    curve.points.push_back(point);
  }
  Axes axes =
      axes_around({"answer of the model", "本模型的预测"},
                  {"answers of the refits, 95 %", "重拟合模型的预测（95 %）"}, curve.points);
  axes.x_low = axes.y_low = std::min(axes.x_low, axes.y_low);
  axes.x_high = axes.y_high = std::max(axes.x_high, axes.y_high);
  axes.diagonal = true;
  return banded(axes, curve);
}

}  // namespace

std::string dependence_section(const StudyReport& r) {
  if (r.dependence.empty()) return "";
  std::string html =
      heading({"What the answer does along single features", "预测随单个特征的变化"}) +
      paragraph(
          {"Mean answer over 100 training patients when one feature alone takes other values "
           "that patients have; the band holds 80 % of them. Of the model, not of the world.",
           "仅改变一个特征（取患者中出现的值）时 100 名训练患者的平均预测；带状区包含其中 80 %。"
           "这是模型的行为，不是现实中的效应。"}) +
      "<div class='pair'>";
  for (const Curve& curve : r.dependence)
    html += banded(axes_around({curve.name, curve.name}, {"answer", "预测"}, curve.points), curve);
  return html + "</div>";
}

std::string stability_section(const StudyReport& r) {
  if (!r.stability || r.stability->sizes.empty()) return "";
  const Stability& s = *r.stability;
  std::string html =
      heading(
          {"Would other patients have given the same model?", "换一批患者会得到同样的模型吗？"}) +
      paragraph(
          {"Judged on: " + s.judged_on +
               ", with the same features and settings. Left: models of "
               "fewer training patients (up to three draws each); where the curve is still "
               "falling, "
               "more patients would help. Right: what models of other samples of as many patients "
               "say "
               "to those whom this model tells the same. Mean absolute change of an answer: " +
               format_fixed(s.mean_change, 4) + ".",
           "评估对象：" + split_words(s.judged_on).chinese +
               "，特征与设置不变。左：用更少训练患者的模型（每种至多三次抽样）；曲线仍在下降处，"
               "更多患者会有帮助。右：同样数量的其他患者样本训练出的模型，对同一预测值的患者给出的"
               "预测。"
               "预测的平均绝对变化：" +
               format_fixed(s.mean_change, 4) + "。"}) +
      "<div class='pair'>" + learning_curve(s);
  if (!s.spreads.empty()) html += spread_of_refits(s);
  return html + "</div>";
}

std::string whole_curve_section(const StudyReport& r) {
  for (const Curve& curve : r.models.front().assessment.curves) {
    if (curve.name != "d_calibration") continue;
    std::vector<Bar> bars;
    for (const CurvePoint& point : curve.points)
      bars.push_back(
          {format_fixed(point.x - 0.05, 1) + " – " + format_fixed(point.x + 0.05, 1), point.y});
    return heading({"Are whole survival curves right?", "整条生存曲线是否正确？"}) +
           paragraph({"Where they are, each tenth of the predicted survival holds a tenth of the "
                      "patients at their own time (D-calibration). Where most are censored early "
                      "it can tell "
                      "little.",
                      "若正确，则按各自时间点的预测生存概率分成的每个十分位各含十分之一的患者（D "
                      "校准）。"}) +
           bar_chart(bars);
  }
  return "";
}

}  // namespace cangong
