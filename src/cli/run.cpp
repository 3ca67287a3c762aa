#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/progress.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/show.h"

namespace cangong {

int run_study_verb(const Args& args) {
  StudyRequest request;
  request.study = args.positional(0);
  if (const auto data = args.find("--data")) request.data = *data;
  const fs::path study = fs::absolute(request.study);
  const std::string name =
      study.stem() == "study" ? study.parent_path().filename().string() : study.stem().string();
  request.out = args.get("--out", "reports/" + name);
  request.threads = args.threads();
  request.fresh = args.flag("--fresh");
  request.say = note;
  const StudyReply reply = run_study(request);
  if (args.flag("--json")) {
    std::puts(nlohmann::ordered_json{{"study", reply.name},
                                     {"report", reply.report.string()},
                                     {"done", reply.done},
                                     {"skipped", reply.skipped}}
                  .dump()
                  .c_str());
    return kOk;
  }
  if (!reply.result.models.empty()) std::fputs(metrics_text(reply.result).c_str(), stdout);
  if (reply.done.empty()) std::printf("%s: nothing has changed\n", reply.name.c_str());
  std::printf("report: %s\n", fs::absolute(reply.report).c_str());
  return kOk;
}

}  // namespace cangong
