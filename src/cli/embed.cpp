#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/show.h"

namespace cangong {

int run_embed(const Args& args) {
  EmbedRequest request;
  request.bundle = args.positional(0);
  request.store = args.need("--store"), request.out = args.need("--out");
  request.as_of = args.get("--as-of", ""), request.zone = args.get("--zone", "UTC");
  if (const auto labels = args.find("--labels")) request.labels = *labels;
  request.task = args.get("--task", "");
  request.threads = args.threads();
  if (request.labels.has_value() != request.as_of.empty())
    throw UsageError{"either --as-of or --labels says at which moments"};
  const EmbedReply reply = embed_patients(request);
  if (args.flag("--json")) {
    std::puts(nlohmann::ordered_json{{"model", reply.bundle},
                                     {"name", reply.model},
                                     {"store", reply.store},
                                     {"synthetic", reply.synthetic},
                                     {"width", reply.width},
                                     {"rows", reply.rows},
                                     {"patients", reply.patients},
                                     {"without", reply.without},
                                     {"unknown", reply.unknown}}
                  .dump()
                  .c_str());
    return kOk;
  }
  std::printf("%s%s rows of %s patients, %zu numbers each, in %s\n",
              reply.synthetic ? "SYNTHETIC. " : "", format_count(reply.rows).c_str(),
              format_count(reply.patients).c_str(), reply.width, request.out.c_str());
  if (reply.without > 0)
    std::printf("%s moments without: before birth, behind death, or no birth recorded\n",
                format_count(reply.without).c_str());
  if (reply.unknown > 0)
    std::printf("%s moments of labels are of patients whom the store does not have\n",
                format_count(reply.unknown).c_str());
  return kOk;
}

}  // namespace cangong
