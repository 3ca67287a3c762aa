#include "base/yaml_quote.h"
#include "cohort/task.h"
#include "engine/engine.h"
#include "model/timeline_model.h"

namespace cangong {
namespace {

// Age and sex beside the state, which the baseline is made of.
std::string recipe_of(const FinetuneRequest& request, const std::string& task,
                      const std::string& model) {
  return "name: " + yaml_quoted(task + "-by-" + model) +
         "\n"
         "description: >\n  An elastic net on the state of a model of timelines behind the "
         "record.\n"
         "encoder:\n  timelines: " +
         yaml_quoted(request.timelines.string()) +
         "\n  include: ['^(SEX|GENDER)//']\n  windows: [all]\n  aggregates: [last]\n"
         "model: {kind: linear}\nbaselines: [prevalence, age_sex]\n";
}

}  // namespace

TrainReply finetune_model(const FinetuneRequest& request) {
  const TimelineFacts facts = TimelineModel::facts_in(Bundle::open(request.timelines));
  const Task task = load_task(request.task, request.predicates);
  fs::create_directories(fs::absolute(request.out).parent_path());
  const TempFolder work(fs::absolute(request.out).parent_path());
  TrainRequest train;
  train.recipe = work.path() / "recipe.yaml", train.store = request.store;
  train.out = request.out, train.threads = request.threads, train.say = request.say;
  train.labels = request.labels, train.task = task.name;
  if (train.labels.empty()) {
    train.labels = work.path() / "labels";
    LabelRequest label;
    label.tasks = {request.task}, label.predicates = request.predicates;
    label.store = request.store, label.out = train.labels, label.threads = request.threads;
    for (const std::string& warning : label_data(label).warnings) request.say(warning);
  }
  write_file(train.recipe, recipe_of(request, task.name, facts.name));
  return train_model(train);
}

}  // namespace cangong
