// Imports, training and evaluation: this program, run as a process of its own.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/pattern.h"
#include "base/subprogram.h"
#include "base/text.h"
#include "cohort/task.h"
#include "engine/jobs.h"
#include "model/model.h"
#include "source/mapping.h"
#include "source/source.h"
#include "train/recipe.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLongestText = 1 << 20;  // of a task, recipe or mapping

std::string text_in(const Json& request, const char* key) {
  const auto found = request.find(key);
  if (found == request.end()) return "";
  if (!found->is_string()) fail(Fault::input, std::string(key) + " is a text");
  std::string text = found->get<std::string>();
  if (text.size() > kLongestText) fail(Fault::input, std::string(key) + " is longer than 1 MB");
  return text;
}

std::string need(const Json& request, const char* key) {
  std::string text = text_in(request, key);
  if (text.empty()) fail(Fault::input, std::string("the job needs \"") + key + "\"");
  return text;
}

Json request_with(const std::string& text, std::initializer_list<std::string_view> known) {
  Json request = Json::parse(text);
  for (const auto& [key, value] : request.items())
    if (key != "kind" && std::find(known.begin(), known.end(), key) == known.end())
      fail(Fault::input, "a job of this kind knows no \"" + key.substr(0, 40) + "\"; it knows " +
                             join(std::vector<std::string>(known.begin(), known.end()), ", "));
  return request;
}

// What the process says: progress, a point of a curve, or a line for people.
void hear(JobRun& run, std::string_view line, std::string& last) {
  const Json told = line.starts_with('{') ? Json::parse(line, nullptr, false) : Json();
  if (told.is_object() && told.contains("progress")) {
    run.progress(told.value("done", std::uint64_t{0}), told.value("total", std::uint64_t{0}));
  } else if (told.is_object() && told.contains("measured")) {
    run.measured(told["measured"], told.value("step", 0.0), told.value("value", 0.0));
  } else if (!line.empty()) {
    last = line;
    run.say(last);
  }
}

// One verb; done once for a job, whatever comes between. What it printed is JSON.
Json step(JobRun& run, const std::string& name, std::vector<std::string> words) {
  constexpr int kPartial = 3, kInterrupted = 130;
  const fs::path kept = run.folder() / (name + ".json");
  if (fs::exists(kept)) return Json::parse(read_file(kept));
  run.say(name);
  std::string last;
  Subprogram child;
  child.words = std::move(words);
  child.words.insert(child.words.end(), {"--json", "--progress-json"});
  child.output = run.folder() / (name + ".part");
  child.line = [&](std::string_view line) { hear(run, line, last); };
  child.stop = [&] { return run.is_stopping(); };
  const int code = run_subprogram(child);
  if (code == kInterrupted || run.is_stopping()) throw JobStopped();
  if (code != 0 && code != kPartial) {
    if (last.starts_with("cangong: ")) last.erase(0, 9);
    if (last.empty()) fail(Fault::input, name + ": ended by signal or without a word");
    // Where on this machine is nobody's business.
    const std::string here = run.folder().string() + "/";
    for (std::size_t at; (at = last.find(here)) != std::string::npos;) last.erase(at, here.size());
    fail(Fault::input, name + ": " + last);
  }
  const Json result = Json::parse(read_file(child.output));
  write_file(kept, result.dump());
  return result;
}

fs::path text_file(JobRun& run, const char* name, const std::string& text) {
  const fs::path file = run.folder() / name;
  write_file(file, text);
  return file;
}

// Of the inbox alone, whatever links lie in it.
fs::path in_inbox(const Hospital& hospital, const std::string& path) {
  const fs::path inbox = hospital.home().inbox();
  std::error_code none;
  const fs::path root = fs::canonical(inbox, none);
  const fs::path file = none ? fs::path() : fs::canonical(inbox / path, none);
  const auto [end, ignored] = std::mismatch(root.begin(), root.end(), file.begin(), file.end());
  if (none || end != root.end() || file == root)
    fail(Fault::input, "no such file or folder in the home's inbox");
  return file;
}

void require_name(const std::string& name) {
  static const Pattern kName = Pattern::require("^[a-z0-9][a-z0-9.-]{0,40}$", "names of models");
  if (!kName.in(name))
    fail(Fault::input, "name: small letters, digits, \"-\" and \".\", 41 at most");
}

std::string about_import(Hospital& hospital, const std::string& text) {
  const Json request =
      request_with(text, {"format", "path", "mapping", "zone", "name", "most_rejected"});
  source_named(need(request, "format"));
  in_inbox(hospital, need(request, "path"));
  for (const char* key : {"zone", "name"}) text_in(request, key);
  if (request.at("format") == "csv") need(request, "mapping");
  if (const std::string mapping = text_in(request, "mapping"); !mapping.empty())
    parse_mapping(mapping, "mapping.yaml");
  const Json share = request.value("most_rejected", Json(0.1));
  if (!share.is_number() || share < 0 || share > 1)
    fail(Fault::input, "most_rejected is a share, 0 to 1");
  return "store";
}

std::string run_import_job(Hospital& hospital, JobRun& run) {
  const Json request = Json::parse(run.job().request);
  std::vector<std::string> words{"import",
                                 need(request, "format"),
                                 in_inbox(hospital, need(request, "path")).string(),
                                 "--into",
                                 hospital.home().store().string(),
                                 "--once",
                                 run.job().id,
                                 "--most-rejected",
                                 request.value("most_rejected", Json(0.1)).dump()};
  const std::string mapping = text_in(request, "mapping");
  if (!mapping.empty())
    words.insert(words.end(), {"--mapping", text_file(run, "mapping.yaml", mapping).string()});
  for (const char* key : {"zone", "name"})
    if (const std::string value = text_in(request, key); !value.empty())
      words.insert(words.end(), {std::string("--") + key, value});
  Json result = step(run, "import", words);
  result.erase("rejects");  // where on this machine is nobody's business
  return result.dump();
}

struct Judging {
  fs::path task, bundle, report;
};

Json judge(Hospital& hospital, JobRun& run, const Judging& judging) {
  const std::string store = hospital.home().store().string();
  const std::string labels = (run.folder() / "labels").string();
  fs::create_directories(hospital.home().reports());
  return step(run, "evaluate",
              {"evaluate", judging.bundle.string(), "--store", store, "--labels", labels,
               "--report", judging.report.string()});
}

void label(Hospital& hospital, JobRun& run, const fs::path& task) {
  step(run, "label",
       {"label", task.string(), "--store", hospital.home().store().string(), "--out",
        (run.folder() / "labels").string()});
}

std::string about_train(Hospital& hospital, const std::string& text) {
  const Json request = request_with(text, {"name", "task", "recipe"});
  const std::string name = need(request, "name");
  require_name(name);
  parse_task(need(request, "task"), "task.yaml");
  const Recipe recipe = parse_recipe(need(request, "recipe"), "recipe.yaml");
  if (!recipe.encoder.timelines.empty())
    fail(Fault::config,
         "recipe.yaml: encoder: timelines: a recipe that is sent names no files of the "
         "machine; cangong finetune teaches models of timelines");
  if (const auto kind = recipe.model ? recipe.model->find("kind") : std::nullopt)
    at_place(kind->where(), [&] { learner_named(kind->scalar()); });
  if (!current_generation(hospital.home().store()))
    fail(Fault::missing, "the bulk store is empty: import records first");
  return name;
}

std::string run_train_job(Hospital& hospital, JobRun& run) {
  const Json request = Json::parse(run.job().request);
  const std::string name = need(request, "name");
  const fs::path task = text_file(run, "task.yaml", need(request, "task"));
  const fs::path recipe = text_file(run, "recipe.yaml", need(request, "recipe"));
  const fs::path inbox = run.folder() / "inbox";  // a recipe's file: inbox/NAME
  fs::remove(inbox);
  fs::create_directory_symlink(fs::absolute(hospital.home().inbox()), inbox);
  label(hospital, run, task);
  const fs::path out = hospital.home().models() / name;
  const Json trained =
      step(run, "train",
           {"train", recipe.string(), "--store", hospital.home().store().string(), "--labels",
            (run.folder() / "labels").string(), "--out", out.string()});
  const Json judged = judge(hospital, run, {task, out, hospital.home().reports() / name});
  return Json{
      {"bundle", trained.at("model")}, {"trained", trained}, {"judged", judged}, {"report", name}}
      .dump();
}

std::string about_evaluate(Hospital& hospital, const std::string& text) {
  return hospital.model(need(request_with(text, {"model"}), "model"))->id();
}

std::string run_evaluate_job(Hospital& hospital, JobRun& run) {
  const ModelPtr model = hospital.model(run.job().model);
  const fs::path task = text_file(run, "task.yaml", model->pipeline.task_text);
  label(hospital, run, task);
  const std::string report = model->name + "-now";
  const Json judged = judge(hospital, run,
                            {task, hospital.home().models() / model->approval.bundle,
                             hospital.home().reports() / report});
  return Json{{"judged", judged}, {"report", report}}.dump();
}

}  // namespace

const JobKind kImportJob{"import", Lane::lengthy, about_import, run_import_job};
const JobKind kTrainJob{"train", Lane::lengthy, about_train, run_train_job};
const JobKind kEvaluateJob{"evaluate", Lane::lengthy, about_evaluate, run_evaluate_job};

}  // namespace cangong
