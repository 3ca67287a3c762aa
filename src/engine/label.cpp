#include <cmath>
#include <set>

#include "base/error.h"
#include "cohort/label.h"
#include "engine/engine.h"

namespace cangong {
namespace {

constexpr const char* kPredicates = "predicates.yaml";

double mean_of(const std::vector<LabelRow>& rows, std::uint64_t& labelled) {
  double sum = 0;
  for (const auto& row : rows) {
    if (!row.label) continue;
    ++labelled;
    if (const auto* yes = std::get_if<bool>(&*row.label)) sum += *yes;
    if (const auto* n = std::get_if<std::int64_t>(&*row.label)) sum += static_cast<double>(*n);
    if (const auto* x = std::get_if<double>(&*row.label)) sum += *x;
    if (const auto* s = std::get_if<Survival>(&*row.label)) sum += s->cause != 0;
    if (std::holds_alternative<std::string>(*row.label)) sum = std::nan("");  // classes have none
  }
  return labelled ? sum / static_cast<double>(labelled) : 0;
}

void write_task(const fs::path& folder, const Task& task, const std::vector<LabelRow>& rows) {
  fs::create_directories(folder);
  write_labels(folder / "0.parquet", rows);
  write_file(folder / "task.yaml", task.text);
}

}  // namespace

LabelReply label_data(const LabelRequest& request) {
  const Store store = Store::open(request.store);
  std::vector<Task> tasks;
  std::set<std::string> names;
  for (const auto& file : request.tasks) {
    tasks.push_back(load_task(file, request.predicates));
    if (!names.insert(tasks.back().name).second)
      fail(Fault::config, "two tasks have the name \"" + tasks.back().name + "\"; rename a file");
  }
  const Labeller labeller(std::move(tasks), store.codes());
  const auto rows = label_store(store, labeller, request.threads);
  LabelReply reply;
  reply.warnings = labeller.warnings();
  for (std::size_t t = 0; t < rows.size(); ++t) {
    const Task& task = labeller.tasks()[t];
    const fs::path folder = request.out / task.name;
    if (!request.dry_run) write_task(folder, task, rows[t]);
    if (!request.dry_run && request.predicates)
      write_file(folder / kPredicates, read_file(*request.predicates));
    LabelReply::One one{task.name, rows[t].size(), 0, 0, 0, folder};
    std::set<PatientId> subjects;
    for (const auto& row : rows[t]) subjects.insert(row.patient);
    one.subjects = subjects.size();
    one.mean = mean_of(rows[t], one.labelled);
    reply.tasks.push_back(std::move(one));
  }
  return reply;
}

NamedLabels find_labels(const fs::path& labels, const std::string& task) {
  if (!fs::is_directory(labels)) fail(Fault::missing, "no such label folder: " + labels.string());
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(labels))
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  NamedLabels found;
  fs::path folder;
  if (!task.empty()) {
    folder = labels / task;
    found.task = task;
    if (!fs::is_directory(folder))
      fail(Fault::missing,
           "no labels of task \"" + task + "\" in " + labels.string() + suggestion(task, names));
  } else if (names.empty()) {  // the folder of one task itself
    folder = labels;
    found.task = labels.filename().string();
  } else if (names.size() == 1) {
    folder = labels / names[0];
    found.task = names[0];
  } else {
    fail(Fault::config, labels.string() + " holds several tasks; say which with --task (" +
                            join(names, ", ") + ")");
  }
  found.rows = read_labels(folder);
  if (fs::exists(folder / "task.yaml")) found.task_text = read_file(folder / "task.yaml");
  if (fs::exists(folder / kPredicates)) found.predicates = folder / kPredicates;
  return found;
}

}  // namespace cangong
