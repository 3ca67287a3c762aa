#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/progress.h"
#include "cli/args.h"
#include "engine/engine.h"

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
    std::puts(nlohmann::ordered_json{{"model", reply.bundle},
                                     {"kind", reply.model},
                                     {"rows", reply.rows},
                                     {"columns", reply.columns}}
                  .dump()
                  .c_str());
    return kOk;
  }
  std::printf("learnt from %s examples by %s columns: %s\n", format_count(reply.rows).c_str(),
              format_count(reply.columns).c_str(), request.out.c_str());
  return kOk;
}

}  // namespace cangong
