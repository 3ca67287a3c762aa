#include <cstdio>

#include "base/progress.h"
#include "cli/args.h"
#include "cli/show.h"

namespace cangong {

int run_finetune(const Args& args) {
  FinetuneRequest request;
  request.timelines = args.positional(0);
  request.task = args.need("--task");
  request.store = args.need("--store");
  request.out = args.need("--out");
  if (const std::string file = args.get("--predicates", ""); !file.empty())
    request.predicates = file;
  request.labels = args.get("--labels", "");
  request.threads = args.threads();
  request.say = note;
  const TrainReply reply = finetune_model(request);
  if (args.flag("--json")) {
    std::puts(trained_json(reply).c_str());
    return kOk;
  }
  std::printf("learnt from %s examples by %s columns: %s\n", format_count(reply.rows).c_str(),
              format_count(reply.columns).c_str(), request.out.c_str());
  return kOk;
}

}  // namespace cangong
