#include "engine/card_facts.h"

#include <algorithm>
#include <numeric>

#include "base/text.h"
#include "evaluate/sample_size.h"
#include "model/timeline_model.h"
#include "report/card.h"
#include "timeline/meds_tables.h"
#include "train/pretrain_recipe.h"

namespace cangong {
namespace {

struct CardReader {
  std::vector<std::pair<std::string, std::string>>& card;
  void operator()(const char* key, std::string& value, const char*) {
    card.emplace_back(key, value);
  }
};

// The columns that the main model sees.
std::vector<const Column*> columns_of(const Pipeline& p) {
  std::vector<const Column*> columns;
  const auto& all = p.encoder->columns();
  for (std::size_t j = 0; j < all.size(); ++j) {
    const auto& own = p.main().columns;
    if (own.empty() || std::find(own.begin(), own.end(), j) != own.end())
      columns.push_back(&all[j]);
  }
  return columns;
}

// Code heads of the features, with how many features each has.
std::string families_of(const Pipeline& p) {
  std::map<std::string, std::size_t> families;
  for (const Column* column : columns_of(p))
    ++families[column->code.substr(0, column->code.find("//"))];
  std::string line;
  for (const auto& [family, count] : families)
    line += (line.empty() ? "" : ", ") + family + " " + std::to_string(count);
  return line;
}

std::string demographic_inputs(const Pipeline& p) {
  std::vector<std::string> found;
  for (const char* family :
       {"AGE", "GENDER", "SEX", "RACE", "ETHNICITY", "LANGUAGE", "MARITAL_STATUS"})
    for (const Column* column : columns_of(p))
      if (column->code == family || column->code.starts_with(std::string(family) + "//")) {
        found.emplace_back(family);
        break;
      }
  return join(found, ", ");
}

// Unseen patients of the training's own store; patients of another one, none of whom has a number
// of the training's; else nobody can tell.
StudyReport::Judged judged_of(const Pipeline& p, const Store& store,
                              const std::vector<PatientId>& judged, const std::string& split) {
  using Judged = StudyReport::Judged;
  if (store.digest() == p.store_digest)
    return split == kHeldOut || split.starts_with("cross") ? Judged::internal : Judged::unclear;
  const bool known = std::any_of(judged.begin(), judged.end(),
                                 [&](PatientId patient) { return p.splits.count(patient) > 0; });
  return known ? Judged::unclear : Judged::external;
}

double mean_missing(const Pipeline& p) {
  double sum = 0;
  for (const ReferenceRange& range : p.ranges) sum += range.missing;
  return sum / static_cast<double>(std::max<std::size_t>(p.ranges.size(), 1));
}

std::size_t training_patients(const Pipeline& p) {
  return static_cast<std::size_t>(std::count_if(p.splits.begin(), p.splits.end(),
                                                [](const auto& s) { return s.second == kTrain; }));
}

// Riley's criteria count the candidates, before any choice among them.
Words sample_size(const Pipeline& p) {
  const std::size_t features = p.encoder->columns().size();
  const std::string had = format_count(training_patients(p)), seen = std::to_string(features);
  Words words{had + " training patients, " + seen + " candidate features",
              "训练患者 " + had + " 名，候选特征 " + seen + " 个"};
  if (p.main().readout.answer() != Answer::boolean || p.judged_truth.empty()) return words;
  double events = 0;
  for (const double truth : p.judged_truth) events += truth;
  const double prevalence = events / static_cast<double>(p.judged_truth.size());
  if (!(prevalence > 0 && prevalence < 1)) return words;
  const std::string wanted =
      format_count(least_patients(features, prevalence, cautious_r2(prevalence)));
  words.english += "; an unpenalised model of as many would want at least " + wanted +
                   " (Riley et al. 2020, R2 at 15 % of the largest)";
  words.chinese +=
      "；同样数量特征的无惩罚模型至少需要 " + wanted + "（Riley 等 2020，R2 取最大值的 15 %）";
  return words;
}

Words missing_values(const Pipeline& p) {
  const std::string share = format_fixed(100 * mean_missing(p), 0) + " %";
  const std::string kind = p.main().model->kind();
  const bool as_they_are = kind == "trees" || kind == "forest" || kind == "ebm";
  return {"mean share of missing values " + share +
              (as_they_are ? "; taken as they are" : "; imputed and flagged as the recipe says"),
          "平均缺失比例 " + share + (as_they_are ? "；按原样使用" : "；按配方填补并标记")};
}

Words imbalance(const Pipeline& p) {
  const bool weighted = p.main().options.find("balanced") != std::string::npos;
  return {
      std::string(weighted ? "classes weighted by their rarity" : "no resampling or weighting") +
          "; recalibration: " + p.recipe.recalibrate,
      std::string(weighted ? "按类别稀有程度加权" : "未重抽样或加权") + "；再校准：" +
          p.recipe.recalibrate};
}

Words numbers(const StudyReport& report, const Targets& truth) {
  const std::string who = format_count(report.patients), rows = format_count(report.examples);
  Words words{who + " patients, " + rows + " examples judged",
              "评估 " + who + " 名患者，" + rows + " 个样本"};
  if (truth.answer != Answer::boolean && truth.answer != Answer::survival) return words;
  const auto& happened = truth.answer == Answer::boolean ? truth.values : truth.events;
  double events = 0;
  for (const double v : happened) events += v;
  words.english += ", " + format_number(events) + " events";
  words.chinese += "，事件 " + format_number(events) + " 个";
  return words;
}

Words stability(const Stability& s) {
  const std::string change = format_fixed(s.mean_change, 4);
  return {
      "mean absolute change of an answer when the model is fitted on other patients with the "
      "same features and settings: " +
          change,
      "特征与设置不变、换一批患者训练时，预测的平均绝对变化：" + change};
}

}  // namespace

std::vector<std::string> open_on_card(const Bundle& bundle) {
  const std::string recipe = bundle.read("recipe.yaml");
  CardOptions card = TimelineModel::is_in(bundle)
                         ? parse_pretrain_recipe(recipe, "recipe.yaml").card
                         : parse_recipe(recipe, "recipe.yaml").card;
  std::vector<std::pair<std::string, std::string>> said;
  CardReader reader{said};
  card.visit(reader);
  std::vector<std::string> open;
  for (const CardDocument& document : card_documents()) {
    if (document.name != "hti_1") continue;
    for (const CardItem& item : document.items)
      for (const std::string_view key : split(item.keys, ' '))
        for (const auto& [own, text] : said)
          if (own == key && text.empty() && std::find(open.begin(), open.end(), own) == open.end())
            open.push_back(own);
  }
  return open;
}

void describe_card(const Pipeline& p, const Bundle& bundle, const CardSubject& subject,
                   StudyReport& report) {
  report.judged = judged_of(p, subject.store, subject.patients, report.split);
  CardOptions card = p.recipe.card;
  CardReader reader{report.card};
  card.visit(reader);
  auto& facts = report.facts;
  const auto same = [](const std::string& text) { return Words{text, text}; };
  facts["version"] = same(bundle.digest());
  facts["data_source"] = {"store " + p.store_digest + (p.synthetic ? " (synthetic)" : ""),
                          "数据库 " + p.store_digest + (p.synthetic ? "（合成）" : "")};
  facts["preparation"] = {"windowed features as the recipe says, learnt from training patients",
                          "按配方由训练患者得到窗口特征"};
  facts["predictors"] = {"features by family: " + families_of(p),
                         "按类别的特征数：" + families_of(p)};
  facts["missing_values"] = missing_values(p);
  facts["sample_size"] = sample_size(p);
  facts["imbalance"] = imbalance(p);
  facts["numbers"] = numbers(report, subject.truth);
  facts["training_numbers"] = {format_count(p.training_rows) + " training examples",
                               "训练样本 " + format_count(p.training_rows) + " 个"};
  const std::string inputs = demographic_inputs(p);
  facts["demographic_inputs"] = inputs.empty() ? Words{"none", "无"} : same(inputs);
  if (p.stability && p.stability->refits > 0) facts["stability"] = stability(*p.stability);
  report.stability = p.stability;
}

}  // namespace cangong
