#include "report/words.h"

#include <cmath>
#include <map>

#include "base/text.h"

namespace cangong {

Words metric_words(const std::string& name) {
  static const std::map<std::string, Words> kWords{
      {"auroc", {"AUROC (discrimination)", "AUROC（区分度）"}},
      {"d_calibration", {"D-calibration, distance", "D 校准（距离）"}},
      {"d_calibration_p", {"D-calibration, p", "D 校准 p 值"}},
      {"auroc_delong", {"AUROC, DeLong interval", "AUROC（DeLong 区间）"}},
      {"auprc", {"AUPRC (average precision)", "AUPRC（平均精确率）"}},
      {"brier", {"Brier score", "Brier 分数"}},
      {"log_loss", {"Log loss", "对数损失"}},
      {"calibration_intercept", {"Calibration in the large (0 is best)", "整体校准（0 最佳）"}},
      {"calibration_slope", {"Calibration slope (1 is best)", "校准斜率（1 最佳）"}},
      {"ici", {"Integrated calibration index", "综合校准指数（ICI）"}},
      {"prevalence", {"Share of events", "事件比例"}},
      {"auroc_gap", {"AUROC less that of the others", "AUROC 与其余患者之差"}},
      {"c_index_gap", {"Harrell's C less that of the others", "C 指数与其余患者之差"}},
      {"accuracy_gap", {"Accuracy less that of the others", "准确率与其余患者之差"}},
      {"mae_gap", {"Absolute error less that of the others", "绝对误差与其余患者之差"}},
      {"bias", {"Predicted less observed", "预测值减观察值"}},
      {"bias_gap", {"Bias less that of the others", "偏差与其余患者之差"}},
      {"observed_to_expected_gap",
       {"Observed / expected less that of the others", "观察值/期望值与其余患者之差"}},
      {"sensitivity", {"Sensitivity", "灵敏度"}},
      {"specificity", {"Specificity", "特异度"}},
      {"ppv", {"Positive predictive value", "阳性预测值"}},
      {"npv", {"Negative predictive value", "阴性预测值"}},
      {"accuracy", {"Accuracy", "准确率"}},
      {"f1", {"F1", "F1"}},
      {"net_benefit", {"Net benefit", "净获益"}},
      {"r2", {"R²", "R²"}},
      {"rmse", {"Root mean squared error", "均方根误差"}},
      {"mae", {"Mean absolute error", "平均绝对误差"}},
      {"c_index", {"Harrell's C", "Harrell C 指数"}},
      {"c_index_uno", {"Uno's C", "Uno C 指数"}},
      {"auc_at_horizon", {"Time-dependent AUC at the horizon", "时间点处的时间依赖 AUC"}},
      {"ibs", {"Integrated Brier score", "综合 Brier 分数"}},
      {"brier_at_horizon", {"Brier score at the horizon", "时间点处 Brier 分数"}},
      {"observed_to_expected", {"Observed / expected", "观察值/期望值"}},
  };
  const std::size_t at = name.find('@');
  const auto found = kWords.find(name.substr(0, at));
  if (found == kWords.end()) return {name, name};
  if (at == std::string::npos) return found->second;
  const std::string percent = format_number(100 * std::stod(name.substr(at + 1))) + " %";
  return {found->second.english + " at " + percent,
          found->second.chinese + "（阈值 " + percent + "）"};
}

Words model_words(const std::string& name) {
  static const std::map<std::string, Words> kWords{
      {"linear", {"linear (elastic net)", "线性（弹性网）"}},
      {"trees", {"boosted trees", "梯度提升树"}},
      {"forest", {"random forest", "随机森林"}},
      {"ebm", {"explainable boosting", "可解释提升模型"}},
      {"aft", {"accelerated failure times", "加速失效时间模型"}},
      {"ensemble", {"mean of several models", "多模型平均"}},
      {"gru", {"recurrent network over visits (GRU)", "就诊序列循环网络（GRU）"}},
      {"lstm", {"recurrent network over visits (LSTM)", "就诊序列循环网络（LSTM）"}},
      {"transformer", {"self-attention over visits", "就诊序列自注意力网络"}},
      {"mlp", {"neural network", "神经网络"}},
      {"age_sex", {"age and sex only", "仅年龄与性别"}},
      {"prevalence", {"prevalence only", "仅患病率"}},
  };
  const auto found = kWords.find(name);
  return found == kWords.end() ? Words{name, name} : found->second;
}

Words family_words(const std::string& family) {
  static const std::map<std::string, Words> kWords{
      {"AGE", {"Age", "年龄"}},   {"GENDER", {"Gender", "性别"}},       {"SEX", {"Sex", "性别"}},
      {"RACE", {"Race", "种族"}}, {"ETHNICITY", {"Ethnicity", "民族"}}, {"SITE", {"Site", "机构"}}};
  const auto found = kWords.find(family);
  return found == kWords.end() ? Words{family, family} : found->second;
}

Words answer_words(const std::string& answer) {
  if (answer == "boolean") return {"yes or no", "是或否"};
  if (answer == "category") return {"one of several classes", "多类别之一"};
  if (answer == "survival") return {"time to an event", "至事件发生的时间"};
  return {"a number", "数值"};
}

Words split_words(const std::string& split) {
  if (split == "held_out") return {"held-out patients", "留出的患者"};
  if (split == "tuning") return {"tuning patients", "调优患者"};
  if (split == "train") return {"training patients", "训练患者"};
  if (split == "all") return {"all patients", "全部患者"};
  const std::size_t folds = split.find('(');
  if (!split.starts_with("cross-validation") || folds == std::string::npos) return {split, split};
  return {split, "交叉验证（" + std::to_string(std::atoi(split.c_str() + folds + 1)) +
                     " 折，按患者划分）"};
}

Words origin_words(const std::string& label) {
  static const std::map<std::string, std::string> kChinese{{"program", "程序"},
                                                           {"model digest", "模型摘要"},
                                                           {"trained on store", "训练所用数据库"},
                                                           {"trained on labels", "训练所用标签"},
                                                           {"judged on store", "评估所用数据库"},
                                                           {"seed", "随机种子"},
                                                           {"training examples", "训练样本数"},
                                                           {"features", "特征数"}};
  const auto found = kChinese.find(label);
  return {label, found == kChinese.end() ? label : found->second};
}

std::string metric_text(const std::string& name, double value) {
  if (!std::isfinite(value)) return "–";
  const bool free_scale = name == "rmse" || name == "mae" || name == "calibration_intercept";
  if (free_scale && std::abs(value) >= 10) return format_fixed(value, 1);
  return format_fixed(value, name == "d_calibration" ? 5 : 3);
}

}  // namespace cangong
