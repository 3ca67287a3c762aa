#include "base/error.h"
#include "engine/engine.h"
#include "explain/shap.h"

namespace cangong {
namespace {

// What share of the mean absolute contribution each column has, for reports and for abstaining.
void weigh_columns(Pipeline& p) {
  // Networks that read visits have many columns and no short way from one row to the next.
  constexpr std::size_t kFew = 20;
  Matrix rows = p.background;
  if (p.encoder->layout().steps > 0 && rows.rows > kFew) {
    rows.rows = kFew;
    rows.values.resize(kFew * rows.columns);
  }
  const auto shares = importance(p.main(), rows, rows, {2, p.recipe.seed});
  for (std::size_t j = 0; j < shares.size(); ++j) p.ranges[j].importance = shares[j];
}

}  // namespace

TrainReply train_model(const TrainRequest& request) {
  const Store store = Store::open(request.store);
  const Recipe recipe = load_recipe(request.recipe);
  NamedLabels labels = find_labels(request.labels, request.task);
  TrainContext context;
  context.threads = request.threads;
  context.say = request.say;
  context.dry_run = request.dry_run;
  if (!request.dry_run) {
    context.work = request.out.string() + ".work";
    fs::create_directories(context.work);
  }
  // Whatever ends the training, a work folder without a checkpoint is of no use.
  struct Sweep {
    fs::path folder;
    ~Sweep() {
      std::error_code ignored;
      fs::remove(folder, ignored);
    }
  } sweep{context.work};
  TrainInput input{store, std::move(labels.rows), recipe, labels.task, labels.task_text};
  for (const std::string& task : recipe.also) {
    NamedLabels further = find_labels(request.labels, task);
    input.also.push_back({task, further.task_text, std::move(further.rows)});
  }
  Pipeline pipeline = train(input, context);
  TrainReply reply;
  reply.rows = pipeline.training_rows;
  reply.columns = pipeline.encoder->columns().size();
  if (request.dry_run) return reply;
  weigh_columns(pipeline);
  BundleWriter bundle;
  write_pipeline(pipeline, bundle);
  reply.bundle = bundle.commit(request.out);
  reply.model = pipeline.main().name;
  fs::remove_all(context.work);
  return reply;
}

}  // namespace cangong
