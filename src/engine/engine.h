// The one door to what the program does: the command line, the service and Python come through it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "decide/answer.h"
#include "engine/answer_patient.h"
#include "report/paragraph.h"
#include "report/study.h"
#include "source/source.h"
#include "train/leakage.h"
#include "train/train.h"

namespace cangong {

inline constexpr const char* kProgram = "cangong 0.1.0";

using Say = std::function<void(const std::string&)>;

struct ImportRequest {
  std::string format;
  SourceOptions source;
  fs::path store;
  std::string dataset;
  std::size_t memory_bytes = std::size_t{1} << 30;
  double most_rejected = 0.1;  // share of rows above which the import fails
  bool dry_run = false;        // reads and counts, keeps nothing
  std::string once = {};       // a key: where an import with it is kept already, nothing is done
};
struct ImportReply {
  Tally tally;
  bool kept_before = false;  // see `once`
  fs::path rejects;          // the file with the rejected rows' places and reasons
};
// Throws Fault::input, leaving the store as it was, where too many rows are rejected.
ImportReply import_data(const ImportRequest& request);

struct SynthesizeRequest {
  std::int64_t patients = 20000;
  std::uint64_t seed = 1;
  fs::path into;                // a new folder
  std::string format = "meds";  // a store, or fhir: NDJSON
  std::size_t threads = 1;
  std::size_t memory_bytes = std::size_t{1} << 30;
  // The deep hospital: whole lives with fifty conditions, eight drugs in two arms, two sites. Its
  // truth is told of one moment.
  bool deep = false;
  std::string truth_at = "2015-01-01";
  double truth_years = 5;
  std::size_t truth_futures = 100;  // of each person
};
struct SynthesizeReply {
  std::uint64_t events = 0;
  fs::path truth;  // beside `into`: hazards.json and years.parquet; or world.json, hazards.parquet
                   // and risks.parquet
};
// A hospital of people who do not exist. The same bytes for the same seed.
SynthesizeReply synthesize(const SynthesizeRequest& request);

struct LabelRequest {
  std::vector<fs::path> tasks;
  std::optional<fs::path> predicates;
  fs::path store, out;
  std::size_t threads = 1;
  bool dry_run = false;  // counts, writes nothing
};
struct LabelReply {
  struct One {
    std::string task;
    std::uint64_t rows = 0, subjects = 0, labelled = 0;
    double mean = 0;  // share of positives or events, or the mean value
    fs::path folder;
  };
  std::vector<One> tasks;
  std::vector<std::string> warnings;
};
LabelReply label_data(const LabelRequest& request);

struct TaskCheckRequest {
  fs::path task, store,
      report;  // attrition.svg, attrition.zh.svg and check.json go below `report`, if given
  std::optional<fs::path> predicates;
  std::size_t threads = 1;
};
struct TaskCheckReply {
  std::string task;
  std::vector<AttritionStep> steps;
  std::vector<std::string> warnings;
  LeakageReport leaks;
};
// Who is left after each step of a task, and signs that its answer leaks.
TaskCheckReply check_task(const TaskCheckRequest& request);
std::string check_task_json(const TaskCheckReply& reply);

struct TrainRequest {
  fs::path recipe, store, labels, out;
  std::string task;  // which of the label folders; the only one if not given
  std::size_t threads = 1;
  bool dry_run = false;  // finds examples and features, fits nothing
  Say say = [](const std::string&) {};
};
struct TrainReply {
  Digest bundle;  // empty after a dry run
  std::string model;
  std::size_t rows = 0, columns = 0;
};
TrainReply train_model(const TrainRequest& request);

// A model of timelines taught one question: an elastic net on its state, judged by patients who
// taught neither.
struct FinetuneRequest {
  fs::path timelines, task, store, out;
  std::optional<fs::path> predicates;
  fs::path labels;  // of the task, where they are there already; empty: found
  std::size_t threads = 1;
  Say say = [](const std::string&) {};
};
TrainReply finetune_model(const FinetuneRequest& request);

struct EvaluateRequest {
  fs::path bundle, store, labels, report;
  std::string task, split = "held_out", title;
  std::size_t threads = 1, replicates = 1000;
  Say say = [](const std::string&) {};
};
StudyReport evaluate_model(const EvaluateRequest& request);

struct OnnxRequest {
  fs::path bundle, out;
};
struct OnnxReply {
  std::size_t columns = 0, bytes = 0;
  std::size_t compared = 0;  // rows that were computed again from the file
  double difference = 0;     // the largest between its answers and ours
  std::vector<std::string> answers;
};
// Writes a bundle's model, recalibration and all, as an ONNX file that other programs compute from
// the encoder's columns (named in its metadata). Throws Fault::config where this kind of model
// cannot be written, Fault::model where the file does not answer as the model does.
OnnxReply write_onnx(const OnnxRequest& request);

struct PredictRequest {
  fs::path bundle, store;
  std::string subject, as_of, zone = "UTC";
  ExplainOptions explain;
};
struct PredictReply {
  Reply reply;
  Digest bundle, store;
  std::string model, task;
  Told told;  // for paragraphs
  Time as_of;
  bool synthetic = false;        // the patient does not exist
  bool synthetic_model = false;  // those whom the model learnt from do not
};
// Every answer is recorded in the store's audit trail before it is given.
PredictReply predict(const PredictRequest& request);

struct StudyRequest {
  fs::path study;
  std::optional<fs::path> data;  // where the study's data lie
  fs::path out;                  // store, labels, model and report go below
  std::size_t threads = 1;
  bool fresh = false;  // do every step again
  Say say = [](const std::string&) {};
};
struct StudyReply {
  std::string name;
  fs::path report;
  std::vector<std::string> done, skipped;  // steps
  StudyReport result;
};
StudyReply run_study(const StudyRequest& request);

// Label rows below `labels`: of the named task, or of the only one.
struct NamedLabels {
  std::string task, task_text;
  std::optional<fs::path> predicates;  // that stood in for the task's own
  std::vector<LabelRow> rows;
};
NamedLabels find_labels(const fs::path& labels, const std::string& task);

// A patient by number, or by the identifier that the source gave ("value" or "system|value").
PatientId find_patient(const Store& store, const std::string& subject);

}  // namespace cangong
