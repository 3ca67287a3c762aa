#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <set>

#include "base/error.h"
#include "decide/abstain.h"
#include "engine/answer_patient.h"
#include "engine/card_facts.h"
#include "engine/engine.h"
#include "engine/groupings.h"
#include "evaluate/competing.h"
#include "explain/shap.h"
#include "model/state_encoder.h"
#include "report/card.h"
#include "train/cross_validation.h"

namespace cangong {
namespace {

// What the main model says to a further task.
struct FurtherJudged {
  std::string task;
  Targets truth;
  Scored scored;
  std::vector<PatientId> patients;
};

// The examples to judge on, and what each model says about them.
struct Judged {
  Examples examples;
  std::vector<std::string> models;
  std::vector<Scored> scored;
  std::vector<FurtherJudged> also;  // none for out-of-fold answers
  std::vector<PatientId> patients;
};

// Out-of-fold answers beside their labels, which must be those of the training.
Judged judge_out_of_fold(const Pipeline& p, const Examples& all, const Digest& labels) {
  if (p.out_of_fold && labels != p.labels_digest)
    fail(Fault::input,
         "the labels are not those that the model was trained on; label again or "
         "use --split all");
  if (!p.out_of_fold)
    fail(Fault::config,
         "this model was not cross-validated; use --split held_out or set "
         "`validation: {folds: 5}` in the recipe");
  Judged judged;
  judged.models = p.out_of_fold->models;
  judged.scored = p.out_of_fold->scored;
  judged.examples = take(all, p.out_of_fold->examples);
  return judged;
}

// The answers to the further tasks; none at all where their labels are not at hand.
void add_further(const Pipeline& p, const EvaluateRequest& request, Examples& examples) {
  for (const Pipeline::Further& further : p.also) {
    const Readout& readout = further.fitted.readout;
    NamedLabels labels;
    try {
      labels = find_labels(request.labels, further.task);
    } catch (const Error& error) {
      if (error.fault != Fault::missing) throw;
    }
    const bool labelled = std::any_of(labels.rows.begin(), labels.rows.end(),
                                      [](const LabelRow& row) { return row.label.has_value(); });
    FurtherTargets none{further.task, {}};
    none.y.answer = readout.answer();
    none.y.values.assign(examples.rows.size(), std::nan(""));
    none.y.events.assign(readout.answer() == Answer::survival ? examples.rows.size() : 0, 0.0);
    examples.also.push_back(labelled
                                ? further_targets(examples, further.task, labels.rows,
                                                  further_causes_of(p.recipe), readout.classes())
                                : none);
    if (examples.also.back().y.answer != readout.answer())
      fail(Fault::input, "the labels of " + further.task + " are of the kind " +
                             name_of(examples.also.back().y.answer) + ", the model answers with " +
                             name_of(readout.answer()));
  }
}

Judged judge_split(const Pipeline& p, const Store& store, std::vector<LabelRow> rows,
                   const EvaluateRequest& request) {
  if (request.split != "all")
    std::erase_if(rows, [&](const LabelRow& row) {
      const auto entry = p.splits.find(row.patient);
      return entry == p.splits.end() || entry->second != request.split;
    });
  if (rows.empty())
    fail(Fault::input, "no example in the split \"" + request.split +
                           "\" (held_out, tuning, train, cross, all; another store: all)");
  Judged judged;
  judged.examples = examples_of(rows, causes_of(p.recipe), p.main().readout.classes());
  add_further(p, request, judged.examples);
  const Dataset data =
      dataset_of(store, *p.encoder, judged.examples, {request.threads, p.recipe.seed});
  for (const auto& fitted : p.models) {
    judged.models.push_back(fitted.name);
    judged.scored.push_back(score(fitted, data, p.grid));
  }
  for (std::size_t t = 0; t < data.also.size(); ++t) {
    Dataset own = data.of_further(t);
    if (own.rows() == 0) continue;
    const bool survival = own.y.answer == Answer::survival;
    Scored scored =
        score(p.also[t].fitted, own, survival && p.grid.empty() ? time_grid(own.y) : p.grid);
    judged.also.push_back(
        {p.also[t].task, std::move(own.y), std::move(scored), std::move(own.patients)});
  }
  return judged;
}

std::vector<ImportanceRow> importance_rows(const Pipeline& p, const Store& store) {
  std::map<std::string_view, std::string_view> descriptions;
  for (const auto& info : store.code_infos()) descriptions[info.code] = info.description;
  std::vector<ImportanceRow> rows;
  double course = 0;
  for (std::size_t j = 0; j < p.ranges.size(); ++j) {
    const Column& column = p.encoder->columns()[j];
    if (StateEncoder::is_of(column))
      course += p.ranges[j].importance;
    else if (p.ranges[j].importance > 0)
      rows.push_back(
          {column.name(), std::string(descriptions[column.code]), p.ranges[j].importance});
  }
  if (course > 0)
    rows.push_back({StateEncoder::kCode, "the course of the record as a whole", course});
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.share > b.share; });
  if (rows.size() > 20) rows.resize(20);
  return rows;
}

// The outcome of an example, in both languages.
std::pair<std::string, std::string> what_happened(const Targets& y, std::size_t i) {
  const double truth = y.values[i];
  switch (y.answer) {
    case Answer::boolean:
      return truth > 0.5 ? std::pair("yes", "是") : std::pair("no", "否");
    case Answer::survival: {
      const std::string day = format_fixed(truth, 0);
      if (y.events[i] > 0.5) return {"event at day " + day, "事件发生于第 " + day + " 天"};
      return {"no event until day " + day, "随访无事件至第 " + day + " 天"};
    }
    case Answer::category: {
      const std::string& name = y.classes[static_cast<std::size_t>(truth)];
      return {name, name};
    }
    default:
      return {format_number(truth), format_number(truth)};
  }
}

// The patients with the highest, the middle and the lowest answer that the model gives one for.
std::vector<ExampleCase> example_cases(const Pipeline& p, const Store& store,
                                       const Judged& judged) {
  std::vector<std::size_t> order(judged.examples.rows.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto& value = judged.scored.front().value;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return value[a] > value[b]; });
  const std::size_t chosen[] = {order.front(), order[order.size() / 2], order.back()};
  std::vector<ExampleCase> cases;
  for (const std::size_t i : chosen) {
    const LabelRow& row = judged.examples.rows[i];
    const Timeline timeline = store.patient(row.patient);
    const Reply reply =
        answer_patient(p, meaning_in(store), timeline.until(row.when), {"shap", "", {}});
    if (const auto* prediction = std::get_if<Prediction>(&reply)) {
      const auto [english, chinese] = what_happened(judged.examples.targets, i);
      cases.push_back({english, chinese, *prediction});
    }
  }
  // The model that is kept may order them otherwise than the folds' models.
  std::stable_sort(cases.begin(), cases.end(), [](const ExampleCase& a, const ExampleCase& b) {
    return a.prediction.value > b.prediction.value;
  });
  const char* english[] = {"Highest answer", "Middle answer", "Lowest answer"};
  const char* chinese[] = {"预测最高者", "预测居中者", "预测最低者"};
  for (std::size_t k = 0; k < cases.size(); ++k) {
    const std::size_t word = cases.size() == 2 ? 2 * k : k;
    const std::string said = format_fixed(cases[k].prediction.value, 3);
    cases[k].english = english[word] + (": " + said) + " — outcome: " + cases[k].english;
    cases[k].chinese = chinese[word] + ("：" + said) + " —— 结局：" + cases[k].chinese;
  }
  return cases;
}

// How well the main model answers the further tasks that it learnt beside.
void judge_further(const Judged& judged, const AssessOptions& options, StudyReport& report) {
  AssessOptions own = options;  // censoring weights from the task's own examples
  own.training_days.clear();
  own.training_events.clear();
  for (const FurtherJudged& further : judged.also)
    report.also.push_back({further.task, further.patients.size(),
                           assess({further.truth, further.scored, further.patients}, own).metrics});
}

// Of the most important features, what the answer does along them. Classes have no single answer.
std::vector<Curve> dependence_curves(const Pipeline& p) {
  std::vector<Curve> curves;
  if (p.main().readout.answer() == Answer::category) return curves;
  std::vector<std::size_t> order(p.ranges.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return p.ranges[a].importance > p.ranges[b].importance;
  });
  constexpr std::size_t kShown = 6;
  for (const std::size_t j : order) {
    if (curves.size() == kShown || p.ranges[j].importance <= 0) break;
    if (StateEncoder::is_of(p.encoder->columns()[j])) continue;
    Curve curve{p.encoder->columns()[j].name(), {}, true};
    for (const auto& point : dependence(answers_of(p.main()), p.background, j))
      curve.points.push_back({point.value, point.mean, point.low, point.high});
    if (curve.points.size() > 1) curves.push_back(std::move(curve));
  }
  return curves;
}

// Of the first and the last moment at which an answer was asked for.
Words dates_of(const Examples& examples) {
  const auto [first, last] =
      std::minmax_element(examples.rows.begin(), examples.rows.end(),
                          [](const LabelRow& a, const LabelRow& b) { return a.when < b.when; });
  const std::string days =
      format_time(first->when).substr(0, 10) + " – " + format_time(last->when).substr(0, 10);
  return {"predictions from " + days, "预测时间 " + days};
}

std::uint64_t count_patients(const std::vector<LabelRow>& rows) {
  std::set<PatientId> patients;
  for (const auto& row : rows) patients.insert(row.patient);
  return patients.size();
}

std::uint64_t count_abstained(const Pipeline& p, const Store& store, const Examples& examples) {
  std::atomic<std::uint64_t> count = 0;
  const StoreHistories histories(store, examples.rows);
  std::unique_ptr<EncoderSession> session = p.encoder->session(store.codes());
  std::vector<Entry> row;
  histories.each(1, [&](std::size_t, std::size_t, const History& history) {
    session->encode(history, row);
    Batch batch;
    batch.add_row(row);
    const Matrix x = dense(batch, p.encoder->columns());
    if (abstain(p, x.row(0), history)) ++count;
  });
  return count;
}

void describe_origin(const Pipeline& p, const Bundle& bundle, const Store& store,
                     StudyReport& report) {
  report.reproducibility = {{"program", kProgram},
                            {"model digest", bundle.digest()},
                            {"trained on store", p.store_digest},
                            {"trained on labels", p.labels_digest},
                            {"judged on store", store.digest()},
                            {"seed", std::to_string(p.recipe.seed)},
                            {"training examples", std::to_string(p.training_rows)},
                            {"features", std::to_string(p.encoder->columns().size())}};
  report.task_text = p.task_text;
  report.recipe_text = p.recipe.text;
}

void add_leakage_notes(const LeakageReport& leaks, StudyReport& report) {
  const std::string kinds = std::to_string(leak_checks().size()),
                    found = std::to_string(leaks.findings.size());
  report.notes.emplace_back("Signs of leakage: " + kinds + " kinds looked for in " +
                                format_count(leaks.examples) + " examples, " + found + " found.",
                            "数据泄漏检查：在 " + format_count(leaks.examples) + " 个样本中检查 " +
                                kinds + " 类迹象，发现 " + found + " 处。");
  constexpr std::size_t kShown = 5;
  for (std::size_t i = 0; i < std::min(leaks.findings.size(), kShown); ++i) {
    const Leak& leak = leaks.findings[i];
    report.notes.emplace_back("Leakage? " + leak.what + ": " + leak.english,
                              "疑似泄漏：" + leak.what + "：" + leak.chinese);
  }
}

void add_notes(const Pipeline& p, const Store& store, const Judged& judged, StudyReport& report) {
  if (store.inventory().synthetic || p.synthetic)
    report.notes.emplace_back(
        "SYNTHETIC: patients of this report, or of the training, do not exist; it says nothing "
        "about real ones.",
        "合成数据：本报告或训练所用的患者并不存在，不能用于说明真实患者的情况。");
  if (!judged.examples.targets.left.empty())
    report.notes.emplace_back(
        "Other causes compete with the event: risks and observed shares are cumulative incidences.",
        "其他结局与该事件竞争：风险与观察比例均为累积发生率。");
  add_leakage_notes(p.leakage, report);
  if (!p.also.empty() && judged.also.size() < p.also.size())
    report.notes.emplace_back(
        "Further tasks are judged where their labels are at hand, and not by cross-validation.",
        "其他任务仅在有标签时评估，交叉验证不评估它们。");
  if (p.recipe.search) {
    const std::string trials = std::to_string(p.recipe.search->trials);
    report.notes.emplace_back(
        "The model's settings are the best of up to " + trials +
            ", judged by cross-validation within the training patients.",
        "模型设置从至多 " + trials + " 组候选中选出，仅在训练患者内部以交叉验证评判。");
  }
  if (judged.examples.unknown > 0)
    report.notes.emplace_back(
        std::to_string(judged.examples.unknown) +
            " examples of classes that training never saw are not judged.",
        std::to_string(judged.examples.unknown) + " 个样本的类别在训练中从未出现，未予评估。");
  if (store.digest() != p.store_digest)
    report.notes.emplace_back(
        "Judged on a store that has changed since training, or on another one.",
        "评估所用的数据库在训练之后已有变化，或不是训练所用的数据库。");
}

// The figures of all models, and what is told of the main one.
void judge_all(const Store& store, const Judged& judged, const EvaluateRequest& request,
               const AssessOptions& options, StudyReport& report) {
  for (std::size_t m = 0; m < judged.models.size(); ++m) {
    request.say("judging " + judged.models[m]);
    report.models.push_back(
        {judged.models[m], m == 0,
         assess({judged.examples.targets, judged.scored[m], judged.patients}, options)});
  }
  request.say(judged.also.empty() ? "comparing" : "judging further tasks, comparing");
  judge_further(judged, options, report);
  std::vector<Rival> rivals;
  for (std::size_t m = 1; m < judged.models.size(); ++m)
    rivals.push_back({judged.models[m], &judged.scored[m]});
  report.comparisons =
      compare({judged.examples.targets, judged.scored[0], judged.patients}, rivals, options);
  request.say("judging subgroups");
  report.subgroups = assess_subgroups({judged.examples.targets, judged.scored[0], judged.patients},
                                      groupings_of(store, judged.examples.rows), options);
}

void write_report(const StudyReport& report, const fs::path& folder) {
  fs::create_directories(folder);
  write_file(folder / "report.json", report_json(report));
  write_file(folder / "index.html", report_html(report));
  write_file(folder / "card.json", card_json(report));
  write_file(folder / "card.html", card_html(report));
  write_file(folder / "card.chai.xml", card_chai(report));
}

}  // namespace

StudyReport evaluate_model(const EvaluateRequest& request) {
  const Bundle bundle = Bundle::open(request.bundle);
  const Pipeline p = read_pipeline(bundle);
  const Store store = Store::open(request.store);
  const NamedLabels labels =
      find_labels(request.labels, request.task.empty() ? std::string() : request.task);
  const bool cross = request.split == "cross" || (request.split == "held_out" && p.out_of_fold);
  const Examples all = examples_of(labels.rows, causes_of(p.recipe), p.main().readout.classes());
  if (all.targets.answer != p.main().readout.answer())
    fail(Fault::input, std::string("the labels are of the kind ") + name_of(all.targets.answer) +
                           ", the model answers with " + name_of(p.main().readout.answer()));
  Judged judged = cross ? judge_out_of_fold(p, all, digest_of_rows(labels.rows))
                        : judge_split(p, store, labels.rows, request);
  draw_left(judged.examples.targets, p.recipe.seed);
  for (const auto& row : judged.examples.rows) judged.patients.push_back(row.patient);
  StudyReport report;
  report.title = request.title.empty() ? p.recipe.name : request.title;
  report.task = p.task_name;
  report.description = p.recipe.description;
  report.answer = name_of(all.targets.answer);
  report.split = cross ? "cross-validation (" + std::to_string(p.recipe.validation.folds) +
                             " folds, by patient)"
                       : request.split;
  report.horizon_days = p.main().readout.horizon_days();
  report.told = told_of(p);
  report.examples = judged.examples.rows.size();
  report.patients = count_patients(judged.examples.rows);
  AssessOptions options;
  options.bootstrap = {request.replicates, p.recipe.seed, 0.95, request.threads};
  options.horizon_days = report.horizon_days;
  if (!cross) {
    options.training_days = p.training_days;
    options.training_events = p.training_events;
  }
  judge_all(store, judged, request, options, report);
  report.importance = importance_rows(p, store);
  report.dependence = dependence_curves(p);
  report.cases = example_cases(p, store, judged);
  report.abstained = count_abstained(p, store, judged.examples);
  report.flow = {{"In the store", "数据库中", store.inventory().subjects(), 0},
                 {"With an example of the task", "符合任务定义", count_patients(labels.rows),
                  labels.rows.size()},
                 {"Judged here", "本次评估", report.patients, report.examples}};
  describe_origin(p, bundle, store, report);
  describe_card(p, bundle, {store, judged.patients, judged.examples.targets}, report);
  report.facts["data_dates"] = dates_of(judged.examples);
  add_notes(p, store, judged, report);
  if (cross)
    report.notes.emplace_back(
        "The examples are explained by the model that is kept, which has learnt "
        "from all patients; the figures above come from the folds' models.",
        "示例由最终保留的模型解释，该模型使用了全部患者；上述指标来自各折的模型。");
  if (!request.report.empty()) write_report(report, request.report);
  return report;
}

}  // namespace cangong
