#include "engine/card_facts.h"

#include <algorithm>
#include <numeric>

#include "base/text.h"
#include "evaluate/sample_size.h"
#include "timeline/meds_tables.h"

namespace cangong {
namespace {

struct CardReader {
  std::vector<std::pair<std::string, std::string>>& card;
  void operator()(const char* key, std::string& value, const char*) {
    card.emplace_back(key, value);
  }
};

// Code heads of the features, with how many features each has.
std::string families_of(const Pipeline& p) {
  std::map<std::string, std::size_t> families;
  for (const Column& column : p.encoder->columns())
    ++families[column.code.substr(0, column.code.find("//"))];
  std::string line;
  for (const auto& [family, count] : families)
    line += (line.empty() ? "" : ", ") + family + " " + std::to_string(count);
  return line;
}

std::string demographic_inputs(const Pipeline& p) {
  std::vector<std::string> found;
  for (const char* family :
       {"AGE", "GENDER", "SEX", "RACE", "ETHNICITY", "LANGUAGE", "MARITAL_STATUS"})
    for (const Column& column : p.encoder->columns())
      if (column.code == family || column.code.starts_with(std::string(family) + "//")) {
        found.emplace_back(family);
        break;
      }
  return join(found, ", ");
}

double mean_missing(const Pipeline& p) {
  double sum = 0;
  for (const ReferenceRange& range : p.ranges) sum += range.missing;
  return sum / static_cast<double>(std::max<std::size_t>(p.ranges.size(), 1));
}

Words sample_size(const Pipeline& p, const StudyReport& report) {
  const std::size_t features =
      p.main().columns.empty() ? p.encoder->columns().size() : p.main().columns.size();
  const std::string had = format_count(p.training_rows), seen = std::to_string(features);
  Words words{had + " training examples, " + seen + " features",
              "训练样本 " + had + " 个，特征 " + seen + " 个"};
  for (const auto& [name, interval] : report.models[0].assessment.metrics) {
    if (name != "prevalence" || !(interval.value > 0 && interval.value < 1)) continue;
    const std::string wanted =
        format_count(least_patients(features, interval.value, cautious_r2(interval.value)));
    words.english += "; an unpenalised model of as many would want at least " + wanted +
                     " (Riley et al. 2020, R2 at 15 % of the largest)";
    words.chinese +=
        "；同样数量特征的无惩罚模型至少需要 " + wanted + "（Riley 等 2020，R2 取最大值的 15 %）";
  }
  return words;
}

Words stability(const Stability& s) {
  const std::string change = format_fixed(s.mean_change, 4);
  return {"mean absolute change of an answer when the model is fitted on other patients: " + change,
          "换一批患者训练时，预测的平均绝对变化：" + change};
}

}  // namespace

void describe_card(const Pipeline& p, const Bundle& bundle, const Store& store,
                   StudyReport& report) {
  report.external = store.digest() != p.store_digest && report.split == "all";
  CardOptions card = p.recipe.card;
  CardReader reader{report.card};
  card.visit(reader);
  auto& facts = report.facts;
  const auto same = [](const std::string& text) { return Words{text, text}; };
  const std::string missing = format_fixed(100 * mean_missing(p), 0) + " %";
  facts["version"] = same(bundle.digest());
  facts["data_source"] = {"store " + store.digest() + (p.synthetic ? " (synthetic)" : ""),
                          "数据库 " + store.digest() + (p.synthetic ? "（合成）" : "")};
  facts["preparation"] = {"windowed features as the recipe says, learnt from training patients",
                          "按配方由训练患者得到窗口特征"};
  facts["predictors"] = {"features by family: " + families_of(p),
                         "按类别的特征数：" + families_of(p)};
  facts["missing_values"] = {
      "mean share of missing values " + missing + "; imputed or flagged as the recipe says",
      "平均缺失比例 " + missing + "；按配方填补或标记"};
  facts["sample_size"] = sample_size(p, report);
  facts["imbalance"] = {"no resampling of classes; recalibration: " + p.recipe.recalibrate,
                        "未对类别重抽样；再校准：" + p.recipe.recalibrate};
  const std::string inputs = demographic_inputs(p);
  facts["demographic_inputs"] = inputs.empty() ? Words{"none", "无"} : same(inputs);
  if (p.stability) facts["stability"] = stability(*p.stability);
  report.stability = p.stability;
}

}  // namespace cangong
