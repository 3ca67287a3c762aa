#include "base/error.h"
#include "engine/engine.h"
#include "explain/shap.h"

namespace cangong {
namespace {

// What share of the mean absolute contribution each column has, for reports and for abstaining.
void weigh_columns(Pipeline& p) {
  const auto mean = importance(shap(p.main(), p.background, p.background, 0, {2, p.recipe.seed}));
  double total = 0;
  for (const double v : mean) total += v;
  for (std::size_t j = 0; j < mean.size(); ++j)
    p.ranges[j].importance = total > 0 ? mean[j] / total : 0;
}

}  // namespace

TrainReply train_model(const TrainRequest& request) {
  const Store store = Store::open(request.store);
  const Recipe recipe = load_recipe(request.recipe);
  NamedLabels labels = find_labels(request.labels, request.task);
  TrainContext context;
  context.threads = request.threads;
  context.say = request.say;
  context.work = request.out.string() + ".work";
  fs::create_directories(context.work);
  Pipeline pipeline =
      train({store, std::move(labels.rows), recipe, labels.task, labels.task_text}, context);
  weigh_columns(pipeline);
  BundleWriter bundle;
  write_pipeline(pipeline, bundle);
  TrainReply reply;
  reply.bundle = bundle.commit(request.out);
  reply.model = pipeline.main().name;
  reply.rows = pipeline.training_rows;
  reply.columns = pipeline.encoder->columns().size();
  fs::remove_all(context.work);
  return reply;
}

}  // namespace cangong
