#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "engine/check.h"
#include "report/page.h"
#include "report/words.h"

namespace cangong {
namespace {

std::string tile(const std::string& value, const Words& words) {
  return "<div class='tile'><b>" + value + "</b><span>" + both(words) + "</span></div>";
}

std::string tiles(const CheckReport& r) {
  return "<div class='tiles'>" + tile(format_count(r.subjects), {"patients", "患者"}) +
         tile(format_count(r.rows), {"events", "事件"}) +
         tile(format_count(r.codes), {"codes", "代码"}) +
         tile(format_number(r.median_rows_per_subject),
              {"events per patient (median)", "每名患者事件数（中位数）"}) +
         "</div>" +
         (r.first.empty() ? ""
                          : "<p>" + escape_html(r.first.substr(0, 10)) + " – " +
                                escape_html(r.last.substr(0, 10)) + "</p>");
}

std::string findings(const CheckReport& r) {
  std::string html = heading({"What is wrong", "发现的问题"});
  if (r.findings.empty()) return html + paragraph({"Nothing was found.", "未发现问题。"});
  html += "<div class='scroll'><table><tbody>";
  for (const Finding& f : r.findings) {
    html += "<tr><th>" + format_count(f.count) + "</th><td>" + both({f.english, f.chinese}) +
            "<br><small>";
    for (const auto& [code, rows] : f.codes)
      html += escape_html(code) + " (" + format_count(rows) + ") ";
    html += "</small></td></tr>";
  }
  return html + "</tbody></table></div>";
}

struct Limits {
  double low = 1e300, high = -1e300;
  void add(double v) { low = std::min(low, v), high = std::max(high, v); }
};

std::string chart(const Words& x, const Words& y, const std::vector<Series>& series,
                  bool from_zero) {
  Limits across, up;
  for (const Series& one : series)
    for (const CurvePoint& p : one.curve->points) across.add(p.x), up.add(p.y);
  if (from_zero) up.add(0);
  const double room = std::max(0.05 * (up.high - up.low), 1e-9);
  if (across.low == across.high) across.low -= 0.5, across.high += 0.5;
  return line_chart(
      {x, y, across.low, across.high, from_zero ? 0 : up.low - room, up.high + room, false},
      series);
}

const Words kYear{"year", "年份"};

// Without those that hold next to nothing, such as the years of birth.
std::map<int, YearSummary> busy_years(const CheckReport& r) {
  std::uint64_t most = 0;
  for (const auto& [year, summary] : r.years) most = std::max(most, summary.rows);
  std::map<int, YearSummary> busy;
  for (const auto& [year, summary] : r.years)
    if (summary.rows * 200 >= most) busy.emplace(year, summary);
  return busy;
}

// The share of each of the largest families by year.
std::string families_by_year(const CheckReport& r) {
  const auto years = busy_years(r);
  if (years.size() < 2) return "";
  std::vector<std::pair<std::uint64_t, std::string>> order;
  for (const auto& [family, rows] : r.families) order.emplace_back(rows, family);
  std::sort(order.rbegin(), order.rend());
  order.resize(std::min<std::size_t>(order.size(), 6));
  std::vector<Curve> curves;
  for (const auto& [rows, family] : order) {
    Curve curve{family, {}, false};
    for (const auto& [year, summary] : years) {
      const auto own = summary.families.find(family);
      const double n = own == summary.families.end() ? 0 : static_cast<double>(own->second);
      curve.points.push_back({static_cast<double>(year), n / static_cast<double>(summary.rows)});
    }
    curves.push_back(std::move(curve));
  }
  std::vector<Series> series;
  for (std::size_t k = 0; k < curves.size(); ++k)
    series.push_back(
        {{curves[k].name, curves[k].name}, &curves[k], static_cast<int>(k), false, false, false});
  return chart(kYear, {"share of the year's events", "占当年事件的比例"}, series, true);
}

// Events and patients by year, and how unlike the other years each one is.
std::string by_year(const CheckReport& r) {
  const auto years = busy_years(r);
  if (years.size() < 2) return "";
  std::map<std::string, std::uint64_t> all;
  for (const auto& [year, summary] : years)
    for (const auto& [family, rows] : summary.families) all[family] += rows;
  Curve rows{"rows", {}, false}, people{"people", {}, false}, index{"psi", {}, false};
  for (const auto& [year, summary] : years) {
    const double x = year;
    rows.points.push_back({x, static_cast<double>(summary.rows)});
    people.points.push_back({x, static_cast<double>(summary.subjects)});
    if (summary.rows >= 100) index.points.push_back({x, stability_index(summary.families, all)});
  }
  std::string html =
      heading({"Over the years", "逐年变化"}) +
      paragraph(
          {"The stability index compares the kinds of events of a year with those of all others: "
           "below 0.1 little has changed, above 0.25 much. Where dates were shifted to hide "
           "people, years mean nothing.",
           "稳定性指数（PSI）比较某一年与其余各年的事件构成：低于 0.1 变化很小，高于 0.25 "
           "变化很大。"
           "若日期经过脱敏平移，年份没有意义。"}) +
      "<div class='pair'>" +
      chart(kYear, {"events", "事件"}, {{{"", ""}, &rows, 0, false, true, false}}, true) +
      chart(kYear, {"patients", "患者"}, {{{"", ""}, &people, 1, false, true, false}}, true);
  if (!index.points.empty())
    html += chart(kYear, {"stability index", "稳定性指数"},
                  {{{"", ""}, &index, 2, false, true, false}}, true);
  return html + families_by_year(r) + "</div>";
}

std::string drift(const CheckReport& r) {
  if (r.drift.empty()) return "";
  std::string html =
      heading({"Values that moved", "发生漂移的数值"}) +
      paragraph({"Codes whose mean in one year lies farthest from that in the others, in "
                 "standard deviations. A change of unit, of method or of coding looks like this.",
                 "某一年均值与其余各年相差最大的代码（以标准差计）。单位、方法或编码的变化会呈现这"
                 "种情况。"}) +
      "<div class='scroll'><table><thead><tr><th></th><th>" + both(kYear) + "</th><th>" +
      both({"standard deviations", "标准差数"}) + "</th></tr></thead><tbody>";
  for (const CodeDrift& d : r.drift)
    html += "<tr><th>" + escape_html(d.code) + "</th><td>" + std::to_string(d.year) + "</td><td>" +
            format_fixed(d.shift, 2) + "</td></tr>";
  html += "</tbody></table></div><div class='pair'>";
  for (std::size_t k = 0; k < std::min<std::size_t>(r.drift.size(), 6); ++k) {
    Curve curve{r.drift[k].code, {}, false};
    for (const auto& [year, mean] : r.drift[k].years)
      curve.points.push_back({static_cast<double>(year), mean.mean});
    html +=
        chart(kYear, {curve.name, curve.name}, {{{"", ""}, &curve, 3, false, true, false}}, false);
  }
  return html + "</div>";
}

std::string codes(const CheckReport& r) {
  std::string html = heading({"Most frequent codes", "最常见的代码"}) +
                     "<div class='scroll'><table><thead><tr><th></th><th>" +
                     both({"events", "事件"}) + "</th><th>" + both({"patients", "患者"}) +
                     "</th><th>" + both({"least / mean / largest", "最小 / 均值 / 最大"}) +
                     "</th><th>" + both({"without a value", "无数值"}) +
                     "</th></tr></thead><tbody>";
  for (const CodeSummary& c : r.top_codes) {
    html += "<tr><th>" + escape_html(c.code) +
            (c.description.empty() ? "" : "<br><small>" + escape_html(c.description) + "</small>") +
            "</th><td>" + format_count(c.rows) + "</td><td>" +
            format_fixed(100 * static_cast<double>(c.subjects) /
                             static_cast<double>(std::max<std::uint64_t>(r.subjects, 1)),
                         0) +
            " %</td><td>";
    if (c.numbers)
      html += format_short(c.low, 3) + " / " + format_short(c.mean, 3) + " / " +
              format_short(c.high, 3) + " " + escape_html(c.unit) + "</td><td>" +
              format_fixed(100 - 100 * static_cast<double>(c.numbers) / static_cast<double>(c.rows),
                           1) +
              " %";
    else
      html += "</td><td>";
    html += "</td></tr>";
  }
  return html + "</tbody></table></div>";
}

}  // namespace

std::string check_html(const CheckReport& r) {
  std::string notes;
  if (r.synthetic)
    notes =
        "<p class='note'>" +
        both({"SYNTHETIC: patients of this store do not exist.", "合成数据：本库患者并不存在。"}) +
        "</p>";
  return page("Data quality · 数据质量", "",
              notes + tiles(r) + findings(r) + by_year(r) + drift(r) + codes(r));
}

}  // namespace cangong
