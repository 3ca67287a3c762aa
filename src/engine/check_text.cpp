#include <nlohmann/json.hpp>

#include "base/text.h"
#include "engine/check.h"

namespace cangong {

using Json = nlohmann::ordered_json;

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
    if (c.numbers) row.update({{"min", c.low}, {"mean", c.mean}, {"max", c.high}});
    codes.push_back(std::move(row));
  }
  return Json{{"subjects", r.subjects},
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
              {"findings", findings},
              {"top_codes", codes}}
      .dump(1);
}

std::string check_text(const CheckReport& r) {
  std::string text = format_count(r.subjects) + " patients, " + format_count(r.rows) +
                     " events of " + format_count(r.codes) + " codes, " +
                     format_number(r.median_rows_per_subject) + " per patient (median)\n";
  text += "from " + r.first + " to " + r.last + "; " + format_count(r.numbers) +
          " with a number, " + format_count(r.texts) + " with a text, " +
          format_count(r.static_rows) + " without time\n";
  if (!r.splits.empty()) {
    text += "splits:";
    for (const auto& [split, count] : r.splits) text += " " + split + " " + format_count(count);
    text += "\n";
  }
  text += "\nmost frequent codes\n";
  for (const auto& c : r.top_codes) {
    const std::string count = format_count(c.rows);
    text += std::string(12 - std::min<std::size_t>(12, count.size()), ' ') + count + "  " + c.code;
    if (c.numbers)
      text += "  " + format_fixed(c.low, 1) + " .. " + format_fixed(c.mean, 1) + " .. " +
              format_fixed(c.high, 1) + (c.unit.empty() ? "" : " " + c.unit);
    if (!c.description.empty()) text += "  (" + c.description + ")";
    text += "\n";
  }
  text += r.findings.empty() ? "\nnothing wrong was found\n" : "\nfindings\n";
  for (const auto& f : r.findings) {
    const std::string count = format_count(f.count);
    text += std::string(12 - std::min<std::size_t>(12, count.size()), ' ') + count + "  " +
            f.english + "\n";
    for (const auto& [code, rows] : f.codes)
      text += "                " + code + ": " + format_count(rows) + "\n";
  }
  return text;
}

}  // namespace cangong
