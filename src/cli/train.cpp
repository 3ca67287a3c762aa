#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/progress.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/show.h"
#include "engine/engine.h"
#include "model/model.h"

namespace cangong {

std::string recipe_help() {
  std::string text = "Keys of a recipe (docs/recipes.md):\n" + keys_of<Recipe>() + "\nencoder:\n" +
                     keys_of<EncoderOptions>();
  for (const Learner& learner : learners())
    text += "\nmodel kind " + std::string(learner.name) + ":\n" + learner.keys();
  text += "\nsearch:\n" + keys_of<SearchOptions>();
  return text + "\nsplit:\n" + keys_of<SplitOptions>();
}

std::string trained_json(const TrainReply& reply) {
  return nlohmann::ordered_json{{"model", reply.bundle},
                                {"kind", reply.model},
                                {"rows", reply.rows},
                                {"columns", reply.columns}}
      .dump();
}

int run_train(const Args& args) {
  TrainRequest request;
  request.recipe = args.positional(0);
  request.store = args.need("--store");
  request.labels = args.need("--labels");
  request.out = args.need("--out");
  request.task = args.get("--task", "");
  request.threads = args.threads();
  request.dry_run = args.flag("--dry-run");
  request.say = note;
  const TrainReply reply = train_model(request);
  if (args.flag("--json"))
    std::puts(trained_json(reply).c_str());
  else if (request.dry_run)
    std::printf("would train on %s examples with %s features\n", format_count(reply.rows).c_str(),
                format_count(reply.columns).c_str());
  else
    std::printf("%s model from %s examples and %s features: %s\n", reply.model.c_str(),
                format_count(reply.rows).c_str(), format_count(reply.columns).c_str(),
                request.out.c_str());
  return kOk;
}

}  // namespace cangong
