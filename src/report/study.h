// Everything that a report shows, gathered before a word of it is written.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "decide/answer.h"
#include "evaluate/compare.h"
#include "evaluate/subgroups.h"
#include "report/paragraph.h"
#include "report/svg.h"
#include "train/stability.h"

namespace cangong {

struct ModelResult {
  std::string name;
  bool is_main = false;
  Assessment assessment;
};

struct FlowStep {
  std::string english, chinese;
  std::uint64_t patients = 0, examples = 0;
};

struct ImportanceRow {
  std::string feature, description;
  double share = 0;
};

struct ExampleCase {
  std::string english, chinese;  // which patient this is, without an identifier
  Prediction prediction;
};

// Of a further task that the main model learnt beside.
struct FurtherResult {
  std::string task;
  std::uint64_t examples = 0;
  std::vector<NamedInterval> metrics;
};

struct StudyReport {
  std::string title, task, description, answer, split;
  double horizon_days = 0;
  Told told;  // for paragraphs
  std::vector<FlowStep> flow;
  std::vector<ModelResult> models;  // the main one first
  std::vector<FurtherResult> also;
  std::vector<Comparison> comparisons;  // of the main model with each baseline
  std::vector<Subgroup> subgroups;      // of the main model
  std::vector<ImportanceRow> importance;
  std::vector<ExampleCase> cases;
  std::vector<Curve> dependence;  // by feature, the most important first
  std::optional<Stability> stability;
  // What the judged patients are to the model: unseen ones of the training's store, patients of
  // another store, or neither for certain (its own training patients among them).
  enum class Judged { internal, external, unclear };
  Judged judged =
      Judged::unclear;  //               // judged on another store than that of the training
  std::map<std::string, Words> facts;                     // for the documents in report/card.h
  std::vector<std::pair<std::string, std::string>> card;  // what a person said, by key
  std::vector<std::pair<std::string, std::string>> reproducibility;  // label, value
  std::string task_text, recipe_text;
  std::uint64_t abstained = 0, examples = 0, patients = 0;
  std::vector<std::pair<std::string, std::string>> notes;  // English, Chinese
};

// REPORT/report.json: metrics.<name>.{value,low,high} of the main model, and the rest.
std::string report_json(const StudyReport& report);
// REPORT/index.html: one self-contained page, English and Chinese.
std::string report_html(const StudyReport& report);

}  // namespace cangong
