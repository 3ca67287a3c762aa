#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/args.h"

namespace cangong {
namespace {

struct Explanation {
  std::string_view fragment;  // of the message
  std::string_view english, chinese;
};

// A message that puzzles people gets a line here.
constexpr Explanation kExplanations[] = {
    {"unknown key",
     "A YAML file has a key that the program does not know; often a slip of the pen, or a key one "
     "level too deep. `cangong VERB --help` lists all keys of the files that the verb reads.",
     "YAML 文件中有程序不认识的键，通常是拼写错误或缩进层级不对。`cangong VERB --help` "
     "列出全部可用的键。"},
    {"not valid YAML",
     "The file is not YAML: look at the line named, and the one before it, for a missing colon, "
     "quote or bracket, and for tabs.",
     "文件不是合法的 YAML：请检查所指的行及其上一行是否缺少冒号、引号或括号，或含有制表符。"},
    {"were rejected, more than",
     "So many rows could not be used that the import kept nothing. The file named holds the place "
     "and "
     "the reason of each. Mend the mapping or the export; allow more with --most-rejected 0.5.",
     "无法使用的行过多，导入未保留任何内容。所列文件写明了每一行的位置和原因。请修正映射或导出文件"
     "；可用 "
     "--most-rejected 0.5 放宽限制。"},
    {"no row gave an event",
     "Every row was read and none said anything: a `when:` that is never true, a `value:` column "
     "that "
     "is empty, or `missing:` marks that cover all values.",
     "所有行都已读取，但没有产生任何事件：`when:` 条件从不成立、`value:` 列为空，或 `missing:` "
     "标记覆盖了全部取值。"},
    {"nothing says when it became known",
     "The resource has no date from which one could tell when a clinician could have known it. "
     "Without "
     "it a model might look into the future, so it is not used.",
     "该资源没有任何日期可以说明何时可被知晓。缺少该时间，模型可能“看到未来”，因此不予使用。"},
    {"patient that is not in the export",
     "The resource names a Patient that is in no file of the folder. Export all patients, or put "
     "the "
     "Patient file beside the others.",
     "该资源所指的患者不在导出文件夹中。请导出全部患者，或将 Patient 文件放在同一文件夹。"},
    {"is not a store",
     "The folder holds no store of this program. Make one with `cangong import FORMAT PATH --into "
     "FOLDER`.",
     "该文件夹不是本程序的数据库。请用 `cangong import FORMAT PATH --into FOLDER` 创建。"},
    {"another import is running",
     "Only one import writes to a store at a time. Wait for it; if none is running, its process "
     "was "
     "killed and the lock goes with the next import.",
     "同一数据库同一时间只允许一个导入。请等待其结束；若实际没有导入在运行，再次导入即可解除。"},
    {"newer version",
     "The file was written by a newer version of the program than this one. Update the program; "
     "nothing was changed.",
     "该文件由更新版本的程序写成。请升级程序；数据未被改动。"},
    {"No space left on device",
     "The disk is full. Nothing half-written is left behind. Free some room, or choose another "
     "folder.",
     "磁盘已满。没有留下任何写了一半的内容。请腾出空间或选择其他文件夹。"},
    {"changed; do not use this model",
     "Bytes of a bundle are not those that were written when it was trained. Its answers could not "
     "be "
     "trusted or replayed: train or fetch it again.",
     "模型包的内容与训练时写入的不一致，其答案不可信也无法重放：请重新训练或重新获取。"},
    {"no event among the",
     "The outcome never happens among these patients, so there is nothing to learn or to judge. "
     "Look at "
     "`cangong check-task`, lengthen the window, or raise the share of patients in the split.",
     "这些患者中从未出现结局，无从学习或评估。请查看 `cangong "
     "check-task`，延长时间窗，或提高划分中的患者比例。"},
    {"nothing to tell apart",
     "All examples have the same answer. Check the task's windows and predicates with `cangong "
     "check-task`.",
     "所有样本的答案都相同。请用 `cangong check-task` 检查任务的时间窗与谓词。"},
    {"horizon",
     "A risk is told for a time (`horizon:`) that the training patients' follow-up does not cover, "
     "or "
     "before the first event. Choose one between the first event and the longest follow-up.",
     "所要预测的时间（`horizon:`"
     "）超出训练患者的随访范围，或早于首次事件。请在首次事件与最长随访之间选择。"},
    {"finds no features",
     "No code lies inside the windows for enough training patients. Widen `windows`, lower "
     "`min_patients`, loosen `include` and `exclude`.",
     "没有足够的训练患者在时间窗内有任何代码。请放宽 `windows`、降低 `min_patients`，或放宽 "
     "`include`/`exclude`。"},
    {"patients leave fewer than 3 in one",
     "There are too few patients for so many folds. Lower `validation: folds`.",
     "患者太少，无法分成这么多折。请降低 `validation: folds`。"},
    {"the labels are not those",
     "The labels have changed since the model was cross-validated, so its out-of-fold answers do "
     "not "
     "belong to them. Label again with the same task and store, or judge with --split all.",
     "标签在交叉验证之后发生了变化，折外答案已不对应。请用相同任务和数据库重新标注，或使用 --split "
     "all。"},
    {"diverged",
     "The network's weights grew without bound. Lower learning_rate, raise weight_decay, or look "
     "for "
     "absurd values with `cangong check`.",
     "网络权重发散。请降低 learning_rate、提高 weight_decay，或用 `cangong check` 查找异常值。"},
    {"cannot train networks",
     "The part with libtorch is not beside the program. Build again with `make build`; linear "
     "models, "
     "trees and forests work without it.",
     "程序旁缺少 libtorch 部分。请重新 `make build`；线性模型、树与森林不需要它。"},
    {"no such patient",
     "The store has no patient of this number or identifier. Give the store's number, or "
     "system|value as the source wrote it.",
     "数据库中没有此编号或标识符的患者。请使用数据库编号，或按来源写法提供 system|value。"},
    {"never mixed",
     "Synthetic patients go into a new folder only, so that nobody takes them for real ones.",
     "合成患者只能写入新的文件夹，以免与真实患者混淆。"},
    {"has no gradients",
     "Integrated gradients need a model with a slope: a network or a linear model. Use --method "
     "shap "
     "or interventional for trees and forests.",
     "积分梯度需要可求导的模型：网络或线性模型。对树与森林请使用 --method shap 或 "
     "interventional。"},
    {"broken promise",
     "A mistake in the program, not in your data. Please report the whole line; it holds no "
     "patient "
     "content.",
     "这是程序自身的错误，与您的数据无关。请报告整行信息；其中不含患者内容。"},
    {"not enough memory",
     "The work needs more memory than there is. Lower --memory for imports, or `max_codes` and the "
     "number of windows for training.",
     "内存不足。导入时请降低 --memory；训练时请降低 `max_codes` 或减少时间窗。"},
};

}  // namespace

int run_explain_error(const Args& args) {
  std::string message = join(args.positionals(), " ");
  if (message.empty()) std::getline(std::cin, message);
  std::vector<const Explanation*> found;
  for (const Explanation& explanation : kExplanations)
    if (message.find(explanation.fragment) != std::string::npos) found.push_back(&explanation);
  if (args.flag("--json")) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Explanation* e : found) list.push_back({{"en", e->english}, {"zh", e->chinese}});
    std::puts(nlohmann::ordered_json{{"explanations", list}}.dump().c_str());
  } else {
    for (const Explanation* e : found)
      std::printf("%s\n%s\n\n", std::string(e->english).c_str(), std::string(e->chinese).c_str());
    if (found.empty())
      std::puts(
          "No explanation is written for this message. A message names what is wrong, where, and "
          "what to do;\n`cangong doctor` looks at the machine, `cangong VERB --help` at the verb.");
  }
  return found.empty() ? kFailure : kOk;
}

}  // namespace cangong
