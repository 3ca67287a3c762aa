#include "train/cross_validation.h"

#include <algorithm>
#include <set>

#include "base/progress.h"
#include "evaluate/interval.h"

namespace cangong {

// 20 days between the 5th and the 90th percentile of the event times.
std::vector<double> time_grid(const Targets& y) {
  std::vector<double> times;
  for (std::size_t i = 0; i < y.values.size(); ++i)
    if (y.events[i] > 0.5) times.push_back(y.values[i]);
  if (times.empty()) fail(Fault::input, "no event among the training patients");
  const double low = quantile(times, 0.05), high = quantile(times, 0.9);
  std::vector<double> grid;
  for (int i = 0; i < 20; ++i) grid.push_back(low + (high - low) * i / 19);
  grid.erase(std::unique(grid.begin(), grid.end()), grid.end());
  return grid;
}

namespace {

void append(Scored& all, const Scored& part) {
  all.value.insert(all.value.end(), part.value.begin(), part.value.end());
  all.risk.insert(all.risk.end(), part.risk.begin(), part.risk.end());
  all.free_at_end.insert(all.free_at_end.end(), part.free_at_end.begin(), part.free_at_end.end());
  const auto rows = [](RealMatrix& to, const RealMatrix& from) {
    to.columns = from.columns;
    to.rows += from.rows;
    to.values.insert(to.values.end(), from.values.begin(), from.values.end());
  };
  rows(all.probabilities, part.probabilities);
  rows(all.survival, part.survival);
  all.times = part.times;
}

// Where the folds that are done are kept: a file for exactly this work.
class FoldFile {
 public:
  FoldFile(const TrainInput& input, const TrainContext& context) {
    if (context.work.empty()) return;
    std::string work = input.recipe.text + input.store.digest() + digest_of_rows(input.rows);
    for (const auto& further : input.also) work += digest_of_rows(further.rows);
    const Digest digest = digest_of(work + program_digest());
    file_ = context.work / (digest.substr(0, 24) + ".folds");
  }
  // The folds that an earlier run left; nothing where there are none.
  std::optional<OutOfFold> load() const {
    if (file_.empty() || !fs::exists(file_)) return std::nullopt;
    return load_out_of_fold(read_file(file_), file_);
  }
  void save(const OutOfFold& oof) const {
    if (!file_.empty()) write_file(file_, save_out_of_fold(oof));
  }

 private:
  fs::path file_;
};

struct Parts {
  std::vector<std::size_t> train, tuning, held_out;
};

void add_fold(const TrainInput& input, const Examples& examples, const TrainContext& context,
              const Parts& parts, OutOfFold& oof) {
  const auto grid = examples.targets.answer == Answer::survival ? time_grid(examples.targets)
                                                                : std::vector<double>();
  const Fitter fitter(input, context, examples);
  const auto encoder = fitter.fit_encoder(parts.train);
  const auto data = [&](const std::vector<std::size_t>& rows) {
    return dataset_of(input.store, *encoder, take(examples, rows),
                      {context.threads, input.recipe.seed});
  };
  const auto models = fitter.fit(*encoder, data(parts.train), data(parts.tuning));
  const Dataset held_out = data(parts.held_out);
  oof.scored.resize(models.size());
  oof.models.clear();
  for (std::size_t m = 0; m < models.size(); ++m) {
    oof.models.push_back(models[m].name);
    append(oof.scored[m], score(models[m], held_out, grid));
  }
  oof.examples.insert(oof.examples.end(), parts.held_out.begin(), parts.held_out.end());
  ++oof.folds;
}

}  // namespace

OutOfFold cross_validate(const TrainInput& input, const Examples& examples,
                         const TrainContext& context) {
  const std::size_t folds = input.recipe.validation.folds;
  std::set<PatientId> patients;
  for (const auto& row : examples.rows) patients.insert(row.patient);
  if (patients.size() < 3 * folds)
    fail(Fault::config, std::to_string(folds) + " folds of " + std::to_string(patients.size()) +
                            " patients leave fewer than 3 in one; lower `validation: folds`");
  const auto fold_of = fold_patients(examples.rows, folds, input.recipe.seed);
  const FoldFile file(input, context);
  OutOfFold oof = file.load().value_or(OutOfFold());
  if (oof.folds > 0)
    context.say("going on after fold " + std::to_string(oof.folds) + " of " +
                std::to_string(folds));
  Progress progress("cross-validating", folds);
  for (std::size_t fold = oof.folds; fold < folds; ++fold) {
    Parts parts;
    for (std::size_t i = 0; i < examples.rows.size(); ++i) {
      const std::size_t own = fold_of.at(examples.rows[i].patient);
      (own == fold                 ? parts.held_out
       : own == (fold + 1) % folds ? parts.tuning
                                   : parts.train)
          .push_back(i);
    }
    add_fold(input, examples, context, parts, oof);
    file.save(oof);
    progress.at(fold + 1);
  }
  return oof;
}

}  // namespace cangong
