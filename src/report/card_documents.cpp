#include <array>

#include "report/card.h"

namespace cangong {
namespace {

constexpr CardItem kTripod[] = {
    {"1", "Title: kind of study, population, outcome", "标题：研究类型、人群、结局", "title"},
    {"2", "Summary", "摘要", "summary"},
    {"3a", "Clinical context and existing models", "临床背景与已有模型", "background"},
    {"3b", "Target population, purpose, users", "目标人群、用途与使用者",
     "intended_use intended_users"},
    {"3c", "Health inequalities that are known", "已知的健康不平等", "inequalities"},
    {"4", "Objectives: development, evaluation or both", "目的：开发、评估或二者", "objective"},
    {"5a", "Sources of the data", "数据来源", "data_source"},
    {"5b", "Dates of the data", "数据的起止日期", "data_dates"},
    {"6a", "Setting and centres", "研究场所与中心", "setting"},
    {"6b", "Who is eligible", "纳入与排除标准", "eligibility"},
    {"6c", "Treatments received", "接受的治疗", "treatments"},
    {"7", "Preparation of the data", "数据准备", "preparation"},
    {"8a", "Definition of the outcome", "结局的定义", "outcome"},
    {"8b-c", "Who assessed the outcome, blinded or not", "结局由谁判定、是否设盲",
     "outcome_assessment"},
    {"9a", "How predictors were chosen", "预测因子如何选择", "predictor_choice"},
    {"9b", "Definition of the predictors", "预测因子的定义", "predictors"},
    {"10", "Sample size", "样本量", "sample_size"},
    {"11", "Missing values", "缺失值", "missing_values"},
    {"12a", "How the data were used", "数据如何划分使用", "split"},
    {"12b-c", "Kind of model, its building and tuning", "模型类型、构建与调参", "model"},
    {"12d", "Differences between clusters", "群组间的差异", "clusters"},
    {"12e", "Measures of performance", "性能指标", "measures"},
    {"12f", "Updating of the model", "模型更新", "updates"},
    {"12g", "How answers were made for the evaluation", "评估时如何得到预测", "answers_made"},
    {"13", "Imbalance of classes", "类别不平衡", "imbalance"},
    {"14", "Approach to fairness", "公平性方法", "fairness_approach"},
    {"15", "Output of the model", "模型输出", "output"},
    {"16", "Training against evaluation: differences", "训练与评估数据的差异", "differences"},
    {"17", "Ethical approval", "伦理批准", "ethics"},
    {"18a", "Funding", "资助", "funding"},
    {"18b", "Conflicts of interest", "利益冲突", "conflicts"},
    {"18c", "Protocol", "研究方案", "protocol"},
    {"18d", "Registration", "注册", "registration"},
    {"18e", "Sharing of data", "数据共享", "data_sharing"},
    {"18f", "Sharing of code", "代码共享", "code_sharing"},
    {"19", "Patients and public", "患者与公众参与", "patients_involved"},
    {"20a", "Flow of participants", "参与者流程", "flow"},
    {"20b-c", "Characteristics of participants", "参与者特征", "representativeness"},
    {"21", "Numbers of participants and events", "参与者与事件数", "numbers"},
    {"22", "The model in full", "完整的模型", "specification"},
    {"23a", "Performance with intervals", "性能及区间", "validity"},
    {"23b", "Performance in groups", "各组的性能", "fairness"},
    {"24", "Results of updating", "更新的结果", "updates"},
    {"25", "Interpretation", "解释", "interpretation"},
    {"26", "Limitations", "局限", "risks"},
    {"27a", "Poor or missing input in use", "使用中输入缺失或质量差时", "abstention"},
    {"27b", "What users must know and do", "对使用者的要求", "expertise"},
    {"27c", "Next steps", "后续工作", "next_steps"},
};

constexpr CardItem kHti[] = {
    {"1", "Developer and contact", "开发者与联系方式", "developer contact"},
    {"2", "Funding", "资金来源", "funding"},
    {"3", "What the output says", "输出的含义", "output"},
    {"4", "Kind of output", "输出类型", "output_kind"},
    {"5", "Intended use", "预期用途", "intended_use"},
    {"6", "Intended population", "预期人群", "eligibility"},
    {"7", "Intended users", "预期使用者", "intended_users"},
    {"8", "Role in the decision", "在决策中的作用", "decision_role"},
    {"9", "Uses that are cautioned against", "不建议的用途", "out_of_scope"},
    {"10", "Known risks and limits", "已知风险与局限", "risks"},
    {"11", "Inclusion and exclusion in training", "训练的纳入与排除", "eligibility"},
    {"12", "Demographic and social inputs", "人口学与社会因素输入", "demographic_inputs"},
    {"13", "Representativeness of the training data", "训练数据的代表性", "training_population"},
    {"14", "Relevance to where it is used", "与使用环境的相关性", "relevance"},
    {"15", "Approach to fairness", "公平性方法", "fairness_approach"},
    {"16", "Approach to bias", "偏倚处理方法", "bias_mitigation"},
    {"17", "External data: source", "外部数据：来源", "external_source"},
    {"18", "External data: who tested", "外部数据：测试者", "external_tester"},
    {"19", "External data: representativeness", "外部数据：代表性", "external_representativeness"},
    {"20", "External validation: process", "外部验证：过程", "external_source"},
    {"21", "Validity on internal data", "内部数据的有效性", "internal_validity"},
    {"22", "Fairness on internal data", "内部数据的公平性", "internal_fairness"},
    {"23", "Validity on external data", "外部数据的有效性", "external_validity"},
    {"24", "Fairness on external data", "外部数据的公平性", "external_fairness"},
    {"25", "Studies of outcomes of its use", "使用效果研究", "outcome_evaluations"},
    {"26", "How validity is watched", "有效性如何监测", "monitoring"},
    {"27", "Validity on local data", "本地数据的有效性", "validity"},
    {"28", "How fairness is watched", "公平性如何监测", "monitoring"},
    {"29", "Fairness on local data", "本地数据的公平性", "fairness"},
    {"30", "How it is updated", "如何更新", "updates"},
    {"31", "How often faults are corrected", "纠错频率", "corrections"},
};

constexpr std::array kDocuments{
    CardDocument{"tripod_ai", "TRIPOD+AI checklist", "TRIPOD+AI 清单",
                 "Collins et al., BMJ 2024;385:e078378", kTripod},
    CardDocument{"hti_1", "HTI-1 source attributes", "HTI-1 来源属性", "45 CFR 170.315(b)(11)(iv)",
                 kHti},
};

}  // namespace

std::span<const CardDocument> card_documents() {
  return kDocuments;
}

}  // namespace cangong
