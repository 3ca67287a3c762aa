#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/args.h"
#include "engine/engine.h"

namespace cangong {

int run_onnx(const Args& args) {
  const fs::path out = args.need("--out");
  const OnnxReply reply = write_onnx({args.positional(0), out});
  if (args.flag("--json"))
    std::puts(nlohmann::ordered_json{{"file", out.string()},
                                     {"bytes", reply.bytes},
                                     {"columns", reply.columns},
                                     {"answers", reply.answers},
                                     {"compared", reply.compared},
                                     {"difference", reply.difference}}
                  .dump()
                  .c_str());
  else
    std::printf(
        "%s: %s columns -> %s (%s bytes)\n"
        "  computed again for %s training rows: answers differ by %s at most\n",
        out.c_str(), format_count(reply.columns).c_str(), join(reply.answers, ", ").c_str(),
        format_count(reply.bytes).c_str(), format_count(reply.compared).c_str(),
        format_number(reply.difference).c_str());
  return kOk;
}

}  // namespace cangong
