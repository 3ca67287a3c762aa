#include "report/paragraph.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "base/text.h"

namespace cangong {
namespace {

std::string percent(double share) {
  return format_fixed(100 * share, share < 0.1 ? 1 : 0) + " %";
}

bool is_chance(const Prediction& p) {
  return p.unit == "probability";
}

std::string plain_number(double value) {
  return format_short(value, 3);
}

// "GENDER//female" -> "GENDER".
std::string family_of(const Reason& reason) {
  return reason.code.substr(0, reason.code.find("//"));
}

// A fact without a time, such as sex: it is so, or it is not.
Words fact_phrase(const Reason& reason) {
  std::string value = reason.code.substr(reason.code.rfind('/') + 1);
  const bool holds = reason.value && *reason.value > 0;
  if (family_of(reason) == "GENDER" || family_of(reason) == "SEX") {
    for (char& c : value) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const std::string chinese = value == "female" ? "女" : value == "male" ? "男" : value;
    return {(holds ? "sex " : "sex not ") + value, (holds ? "性别：" : "性别非：") + chinese};
  }
  const std::string name = reason.description.empty() ? reason.code : reason.description;
  return {(holds ? "" : "no ") + name, (holds ? "有：" : "无：") + name};
}

// What stands before a number: "mean ".
Words aggregate_words(const std::string& aggregate) {
  constexpr std::pair<std::string_view, std::string_view> kChinese[] = {
      {"mean", "均值 "},  {"min", "最小 "},   {"max", "最大 "},
      {"first", "首次 "}, {"slope", "斜率 "}, {"time_since", "距今 "}};
  for (const auto& [name, chinese] : kChinese)
    if (aggregate == name) return {aggregate + " ", std::string(chinese)};
  return {aggregate + " ", aggregate + " "};
}

}  // namespace

Words horizon_words(const Told& told) {
  const double days = told.horizon_days, years = days / 365.25;
  if (days <= 0) return {"", ""};
  const auto said = [](double count, const char* english, const char* chinese) {
    const std::string number = format_number(count);
    return Words{" within " + number + " " + english + (count == 1 ? "" : "s"), number + chinese};
  };
  if (days < 2) return said(std::round(days * 24), "hour", " 小时内");
  if (years >= 1.99) return said(std::round(years * 10) / 10, "year", " 年内");
  return said(std::round(days), "day", " 天内");
}

Words reason_words(const Reason& reason) {
  const std::string name = reason.description.empty() ? reason.code : reason.description;
  if (reason.is_state()) return {"the course of the record as a whole", "病历的整体走向"};
  if (!reason.value) return {name + " not recorded", name + "无记录"};
  const std::string number = plain_number(*reason.value);
  if (family_of(reason) == "AGE") {
    const std::string years = format_number(std::floor(*reason.value));
    return {"age " + years, "年龄 " + years + " 岁"};
  }
  if (reason.aggregate == "count" && *reason.value == 0)
    return {name + ": none recorded", name + "：无记录"};
  if (reason.aggregate == "count")
    return {name + " recorded " + number + (number == "1" ? " time" : " times"),
            name + "记录 " + number + " 次"};
  if (reason.window.empty()) return fact_phrase(reason);
  const std::string unit = reason.unit.empty() ? "" : " " + reason.unit;
  const bool all = reason.window == "all" || reason.aggregate == "last";
  const std::string over = all ? "" : ", " + reason.window;
  const Words how = reason.aggregate == "last" ? Words{} : aggregate_words(reason.aggregate);
  return {name + " (" + how.english + number + unit + over + ")",
          name + "（" + how.chinese + number + unit + over + "）"};
}

namespace {

// The strongest reasons of one direction, at most `most`; one of each family of facts.
std::vector<Words> strongest(const Prediction& p, int sign, std::size_t most) {
  std::vector<Words> found;
  std::vector<std::string> families;
  for (const Reason& reason : p.reasons) {  // largest first
    if (reason.contribution * sign <= 0 || found.size() == most) continue;
    const Words words = reason_words(reason);  // several features of one thing may say the same
    if (std::any_of(found.begin(), found.end(),
                    [&](const Words& known) { return known.english == words.english; }))
      continue;
    if (reason.window.empty()) {
      const std::string family = family_of(reason);
      if (std::find(families.begin(), families.end(), family) != families.end()) continue;
      families.push_back(family);
    }
    found.push_back(words);
  }
  return found;
}

Words listed(const std::vector<Words>& words) {
  std::vector<std::string> english, chinese;
  for (const Words& w : words) english.push_back(w.english), chinese.push_back(w.chinese);
  return {join(english, ", "), join(chinese, "、")};
}

Words answer_of(const Prediction& p, const Told& told) {
  const Words horizon = horizon_words(told);
  if (!p.classes.empty()) {
    const auto best =
        std::max_element(p.classes.begin(), p.classes.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    return {"\"" + best->first + "\" is likeliest (" + percent(best->second) + ")",
            "最可能为“" + best->first + "”（" + percent(best->second) + "）"};
  }
  const auto text = [&](double v) { return is_chance(p) ? percent(v) : format_fixed(v, 2); };
  Words words{is_chance(p) ? "the estimated risk" + horizon.english + " is " + text(p.value)
                           : "the estimated value is " + text(p.value),
              (!is_chance(p)             ? "估计值为 "
               : horizon.chinese.empty() ? "估计风险为 "
                                         : horizon.chinese + "的估计风险为 ") +
                  text(p.value)};
  if (std::isfinite(p.low) && std::isfinite(p.high)) {
    words.english += " (95 % interval " + text(p.low) + " to " + text(p.high) + ")";
    words.chinese += "（95% 区间 " + text(p.low) + " 至 " + text(p.high) + "）";
  }
  return words;
}

}  // namespace

Words clinician_paragraph(const Prediction& p, const Told& told) {
  const Words answer = answer_of(p, told);
  const auto up = strongest(p, 1, 3), down = strongest(p, -1, 3);
  Words words{"For \"" + told.task + "\" " + answer.english + ".",
              "就“" + told.task + "”而言，" + answer.chinese + "。"};
  if (!up.empty()) {
    words.english += " It is raised most by " + listed(up).english + ".";
    words.chinese += "使其升高的主要因素：" + listed(up).chinese + "。";
  }
  if (!down.empty()) {
    words.english += " It is lowered most by " + listed(down).english + ".";
    words.chinese += "使其降低的主要因素：" + listed(down).chinese + "。";
  }
  words.english +=
      " These are associations that the model uses, not causes; check the events behind "
      "them before acting.";
  words.chinese += "以上是模型所用的关联，并非因果；采取行动前请核对其背后的记录。";
  return words;
}

Words patient_paragraph(const Prediction& p, const Told& told) {
  const Words horizon = horizon_words(told);
  Words words;
  if (is_chance(p) && p.classes.empty()) {
    const std::string count = format_number(std::round(100 * p.value));
    words = {"Of 100 people whose records look like yours, about " + count +
                 " would be expected to have this" + horizon.english + " (" + told.task + ").",
             "在 100 位记录与您相似的人中，" + horizon.chinese + "预计约有 " + count +
                 " 人会出现这一情况（" + told.task + "）。"};
  } else {
    const Words answer = answer_of(p, told);
    words = {"For \"" + told.task + "\" " + answer.english + ".",
             "就“" + told.task + "”而言，" + answer.chinese + "。"};
  }
  const auto most = strongest(p, 1, 2);
  if (!most.empty()) {
    words.english += " What counted most towards a higher figure: " + listed(most).english + ".";
    words.chinese += "使数值偏高的主要因素是：" + listed(most).chinese + "。";
  }
  words.english +=
      " This is an estimate by a computer, not a diagnosis. Please talk about it with "
      "your doctor.";
  words.chinese += "这是计算机给出的估计，不是诊断。请与您的医生讨论。";
  return words;
}

}  // namespace cangong
