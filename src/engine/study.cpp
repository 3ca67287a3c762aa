#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cohort/task.h"
#include "engine/engine.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

struct ImportStep {
  static constexpr bool is_config = true;
  std::string format = "csv", path, mapping, zone = "UTC";
  std::size_t patients = 20000, seed = 1;
  template <class V>
  void visit(V& v) {
    v("format", format, "fhir, omop, meds or csv; synthetic: made by this program");
    v("path", path, "below the data folder");
    v("mapping", mapping, "csv: beside the study file");
    v("zone", zone, "of times without an offset");
    v("patients", patients, "synthetic: how many");
    v("seed", seed, "synthetic: of everything random");
  }
};

struct EvaluateStep {
  static constexpr bool is_config = true;
  std::string split = "held_out";
  std::size_t replicates = 1000;
  template <class V>
  void visit(V& v) {
    v("split", split, "held_out, cross, tuning or all");
    v("replicates", replicates, "of the bootstrap");
  }
};

struct StudyFile {
  static constexpr bool is_config = true;
  std::string title, data, about, task, predicates, recipe;
  ImportStep import;
  EvaluateStep evaluate;
  template <class V>
  void visit(V& v) {
    v("title", title, "of the report");
    v("about", about, "what the study is, and where a user gets the data");
    v("data", data, "folder of the data, relative to this file or to --data");
    v("import", import, "how the data come in");
    v("task", task, "the question");
    v("predicates", predicates, "an ACES predicates file for it");
    v("recipe", recipe, "the way of training");
    v("evaluate", evaluate, "how to judge");
  }
};

Digest digest_of_files(const fs::path& path) {
  Hasher hasher;
  for (const auto& file : files_below(path))
    hasher.add(fs::relative(file, path).string() + " " + digest_of_file(file.string()) + "\n");
  return hasher.finish();
}

// The steps that were done, each with digests of what it depended on and of what it left.
class Ledger {
 public:
  explicit Ledger(fs::path file) : file_(std::move(file)) {
    if (!fs::exists(file_)) return;
    const Json json = Json::parse(read_file(file_), nullptr, false);
    if (json.is_object())
      for (const auto& [step, digest] : json.items())
        if (digest.is_string()) done_[step] = digest.get<std::string>();
  }
  // False too where the output was changed or taken away since.
  bool has(const std::string& step, const Digest& inputs, const fs::path& output) const {
    const auto entry = done_.find(step);
    return entry != done_.end() && fs::exists(output) &&
           entry->second == inputs + " " + digest_of_files(output);
  }
  // Whether the step was ever begun here, done or not.
  bool knows(const std::string& step) const { return done_.contains(step); }
  void begin(const std::string& step) { record(step, "begun"); }
  void add(const std::string& step, const Digest& inputs, const fs::path& output) {
    record(step, inputs + " " + digest_of_files(output));
  }

 private:
  void record(const std::string& step, const std::string& what) {
    done_[step] = what;
    write_file(file_, Json(done_).dump(1) + "\n");
  }

  fs::path file_;
  std::map<std::string, Digest> done_;
};

class StudyRun {
 public:
  StudyRun(const StudyRequest& request)
      : request_(request),
        folder_(request.study.parent_path()),
        study_(load_config<StudyFile>(request.study)),
        ledger_(request.out / "steps.json") {
    reply_.name = folder_.filename().string();
    if (request.study.stem() != "study") reply_.name = request.study.stem().string();
  }

  // Before anything is written.
  static void refuse_without_data(const StudyRequest& request) {
    const StudyRun run(request);
    if (!run.is_synthetic()) run.data_path();
  }

  StudyReply run() {
    const Digest imported = import();
    const Digest labelled = label(imported);
    const Digest trained = train(labelled);
    report(trained);
    reply_.report = request_.out / "report" / "index.html";
    return std::move(reply_);
  }

 private:
  // Does `work` unless it was done with the same inputs and `output` is as it was left.
  template <class Work>
  Digest step(const std::string& name, const std::string& inputs, const fs::path& output,
              const Work& work) {
    const Digest digest = digest_of(program() + name + "\n" + inputs);
    if (!request_.fresh && ledger_.has(name, digest, output)) {
      reply_.skipped.push_back(name);
      return digest;
    }
    request_.say(reply_.name + ": " + name);
    work();
    ledger_.add(name, digest, output);
    reply_.done.push_back(name);
    return digest;
  }

  // Another build of the program may answer otherwise: its steps are done again.
  static const Digest& program() {
    const Digest& digest = program_digest();
    return digest;
  }

  fs::path data_path() const {
    const fs::path base = request_.data ? *request_.data : folder_;
    const fs::path path = base / study_.data / study_.import.path;
    if (!fs::exists(path))
      fail(Fault::missing, "the study's data are not at " + path.string() + "; " +
                               (study_.about.empty() ? "say where with --data"
                                                     : study_.about + " Then say where with "
                                                                      "--data FOLDER"));
    return path;
  }

  std::string text_of(const std::string& file) const {
    return file.empty() ? std::string() : read_file(folder_ / file);
  }

  bool is_synthetic() const { return study_.import.format == "synthetic"; }

  Digest make_patients() {
    SynthesizeRequest request;
    request.patients = static_cast<std::int64_t>(study_.import.patients);
    request.seed = study_.import.seed;
    request.into = store();
    request.threads = request_.threads;
    const std::string inputs =
        std::to_string(request.patients) + " synthetic " + std::to_string(request.seed);
    return step("synthesize", inputs, store() / "current", [&] {
      clear_store();
      fs::remove_all(store().string() + ".truth");
      synthesize(request);
    });
  }

  Digest import() {
    if (is_synthetic()) return make_patients();
    ImportRequest request;
    request.format = study_.import.format;
    request.source.path = data_path();
    if (!study_.import.mapping.empty()) request.source.mapping = folder_ / study_.import.mapping;
    request.source.zone = study_.import.zone;
    request.store = store();
    request.dataset = reply_.name;
    const std::string inputs =
        digest_of_files(request.source.path) + text_of(study_.import.mapping) + study_.import.zone;
    return step("import", inputs, store() / "current", [&] {
      clear_store();
      import_data(request);
    });
  }

  Digest label(const Digest& imported) {
    LabelRequest request;
    request.tasks = {folder_ / study_.task};
    if (!study_.predicates.empty()) request.predicates = folder_ / study_.predicates;
    request.store = store();
    request.out = request_.out / "labels";
    request.threads = request_.threads;
    const std::string inputs = imported + text_of(study_.task) + text_of(study_.predicates);
    return step("label", inputs, request.out, [&] {
      fs::remove_all(request.out);
      for (const auto& warning : label_data(request).warnings) request_.say(warning);
    });
  }

  Digest train(const Digest& labelled) {
    TrainRequest request;
    request.recipe = folder_ / study_.recipe;
    request.store = store();
    request.labels = request_.out / "labels";
    request.out = request_.out / "models" / "model";
    request.threads = request_.threads;
    return step("train", labelled + text_of(study_.recipe), request.out,
                [&] { train_model(request); });
  }

  void report(const Digest& trained) {
    EvaluateRequest request;
    request.bundle = request_.out / "models" / "model";
    request.store = store();
    request.labels = request_.out / "labels";
    request.report = request_.out / "report";
    request.split = study_.evaluate.split;
    request.replicates = study_.evaluate.replicates;
    request.title = study_.title;
    request.threads = request_.threads;
    step("report", trained + request.split + request.title + std::to_string(request.replicates),
         request.report, [&] { reply_.result = evaluate_model(request); });
  }

  // Only a store that this study has begun is made anew; another one is somebody's.
  void clear_store() {
    const char* step = is_synthetic() ? "synthesize" : "import";
    if (fs::exists(store()) && !ledger_.knows(step))
      fail(Fault::input, store().string() +
                             " exists and was not made by this study; choose "
                             "another --out");
    ledger_.begin(step);
    fs::remove_all(store());
  }

  fs::path store() const { return request_.out / "store"; }

  const StudyRequest& request_;
  fs::path folder_;
  StudyFile study_;
  StudyReply reply_;
  Ledger ledger_;
};

}  // namespace

StudyReply run_study(const StudyRequest& request) {
  if (!fs::exists(request.study)) fail(Fault::missing, "no such study: " + request.study.string());
  StudyRun::refuse_without_data(request);
  fs::create_directories(request.out);
  const FileLock lock(request.out / ".lock", request.out.string() +
                                                 ": this study is running already; wait for it, "
                                                 "or choose another --out");
  return StudyRun(request).run();
}

}  // namespace cangong
