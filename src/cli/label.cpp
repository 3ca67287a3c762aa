#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/args.h"
#include "engine/engine.h"

namespace cangong {

int run_label(const Args& args) {
  LabelRequest request;
  args.positional(0);
  for (const auto& file : args.positionals()) request.tasks.emplace_back(file);
  if (const auto file = args.find("--predicates")) request.predicates = *file;
  request.store = args.need("--store");
  request.out = args.need("--out");
  request.threads = args.threads();
  request.dry_run = args.flag("--dry-run");
  const LabelReply reply = label_data(request);
  for (const auto& warning : reply.warnings) std::fprintf(stderr, "warning: %s\n", warning.c_str());
  if (args.flag("--json")) {
    nlohmann::ordered_json tasks = nlohmann::ordered_json::object();
    for (const auto& one : reply.tasks)
      tasks[one.task] = {{"rows", one.rows},
                         {"subjects", one.subjects},
                         {"labelled", one.labelled},
                         {"mean", one.mean},
                         {"folder", one.folder.string()}};
    std::puts(
        nlohmann::ordered_json{{"tasks", tasks}, {"warnings", reply.warnings}}.dump().c_str());
    return kOk;
  }
  for (const auto& one : reply.tasks)
    std::printf("%s: %s examples of %s patients, %s labelled%s -> %s\n", one.task.c_str(),
                format_count(one.rows).c_str(), format_count(one.subjects).c_str(),
                format_count(one.labelled).c_str(),
                std::isnan(one.mean) ? "" : (", mean " + format_fixed(one.mean, 4)).c_str(),
                request.dry_run ? "(a dry run)" : one.folder.c_str());
  return kOk;
}

}  // namespace cangong
