#include <nlohmann/json.hpp>

#include "base/text.h"
#include "engine/check.h"

namespace cangong {

using Json = nlohmann::ordered_json;

namespace {

double share(std::uint64_t part, std::uint64_t all) {
  return static_cast<double>(part) / static_cast<double>(all);
}

Json years_json(const CheckReport& r) {
  Json years = Json::object();
  for (const auto& [year, summary] : r.years)
    years[std::to_string(year)] = {
        {"rows", summary.rows}, {"subjects", summary.subjects}, {"families", summary.families}};
  return years;
}

std::string right(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

std::string bar(std::uint64_t rows, std::uint64_t most) {
  constexpr double kWidest = 40;
  std::string text;
  for (double at = 0.5; at < kWidest * share(rows, most); ++at) text += "#";
  return text.empty() ? "." : text;
}

// Rows per year, or per decade where the years are many (shifted dates).
std::string coverage(const CheckReport& r) {
  if (r.years.empty()) return "";
  const int step = r.years.rbegin()->first - r.years.begin()->first >= 40 ? 10 : 1;
  std::map<int, std::uint64_t> rows;
  for (const auto& [year, summary] : r.years) rows[year / step * step] += summary.rows;
  std::uint64_t most = 0;
  for (const auto& [year, count] : rows) most = std::max(most, count);
  std::string text = step == 1 ? "\nevents by year\n" : "\nevents by decade\n";
  for (int year = rows.begin()->first; year <= rows.rbegin()->first; year += step)
    text += right(format_count(rows[year]), 12) + "  " + std::to_string(year) + "  " +
            bar(rows[year], most) + "\n";
  return text;
}

}  // namespace

std::string check_json(const CheckReport& r) {
  Json findings = Json::array(), codes = Json::array();
  for (const auto& f : r.findings) {
    Json of_codes = Json::object();
    for (const auto& [code, count] : f.codes) of_codes[code] = count;
    findings.push_back(
        {{"kind", f.kind}, {"count", f.count}, {"what", f.english}, {"codes", of_codes}});
  }
  for (const auto& c : r.top_codes) {
    Json row{{"code", c.code}, {"rows", c.rows}, {"subjects", c.subjects}, {"numbers", c.numbers}};
    if (!c.description.empty()) row["description"] = c.description;
    if (!c.unit.empty()) row["unit"] = c.unit;
    if (r.subjects) row["share_of_subjects"] = share(c.subjects, r.subjects);
    if (c.numbers) row["without_number"] = 1 - share(c.numbers, c.rows);
    if (c.numbers) row.update({{"min", c.low}, {"mean", c.mean}, {"max", c.high}});
    codes.push_back(std::move(row));
  }
  Json drift = Json::array();
  for (const CodeDrift& d : r.drift) {
    Json years = Json::object();
    for (const auto& [year, mean] : d.years) years[std::to_string(year)] = {mean.values, mean.mean};
    drift.push_back({{"code", d.code}, {"year", d.year}, {"shift", d.shift}, {"years", years}});
  }
  return Json{{"synthetic", r.synthetic},
              {"subjects", r.subjects},
              {"rows", r.rows},
              {"codes", r.codes},
              {"static_rows", r.static_rows},
              {"with_number", r.numbers},
              {"with_text", r.texts},
              {"median_rows_per_subject", r.median_rows_per_subject},
              {"first", r.first},
              {"last", r.last},
              {"families", r.families},
              {"units", r.units},
              {"splits", r.splits},
              {"years", years_json(r)},
              {"findings", findings},
              {"drift", drift},
              {"top_codes", codes}}
      .dump(1);
}

std::string check_text(const CheckReport& r) {
  std::string text = r.synthetic ? "SYNTHETIC: patients of this store do not exist\n" : "";
  text += format_count(r.subjects) + " patients, " + format_count(r.rows) + " events of " +
          format_count(r.codes) + " codes, " + format_number(r.median_rows_per_subject) +
          " per patient (median)\n";
  text += "from " + r.first + " to " + r.last + "; " + format_count(r.numbers) +
          " with a number, " + format_count(r.texts) + " with a text, " +
          format_count(r.static_rows) + " without time\n";
  if (!r.splits.empty()) {
    text += "splits:";
    for (const auto& [split, count] : r.splits) text += " " + split + " " + format_count(count);
    text += "\n";
  }
  text += coverage(r);
  text += "\nmost frequent codes: events, share of patients, code, values\n";
  for (const auto& c : r.top_codes) {
    const double patients = 100 * share(c.subjects, r.subjects);
    text += right(format_count(c.rows), 12) + right(format_fixed(patients, 0), 5) + " %  " + c.code;
    if (c.numbers)
      text += "  " + format_fixed(c.low, 1) + " .. " + format_fixed(c.mean, 1) + " .. " +
              format_fixed(c.high, 1) + (c.unit.empty() ? "" : " " + c.unit);
    if (c.numbers && c.numbers < c.rows)
      text += ", " + format_fixed(100 - 100 * share(c.numbers, c.rows), 1) + " % without a value";
    if (!c.description.empty()) text += "  (" + c.description + ")";
    text += "\n";
  }
  text += r.findings.empty() ? "\nnothing wrong was found\n" : "\nfindings\n";
  for (const auto& f : r.findings) {
    text += right(format_count(f.count), 12) + "  " + f.english + "\n";
    for (const auto& [code, rows] : f.codes)
      text += "                " + code + ": " + format_count(rows) + "\n";
  }
  return text;
}

}  // namespace cangong
