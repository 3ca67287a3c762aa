#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/args.h"
#include "cli/show.h"
#include "engine/foundation.h"

namespace cangong {

int run_convert(const Args& args) {
  ConvertRequest request;
  request.from = args.positional(0);
  request.out = args.need("--out");
  request.labels = args.get("--labels", "");
  if (args.find("--heads")) request.heads = whole_in(args, "--heads", "");
  if (args.find("--context")) request.context = whole_in(args, "--context", "");
  const bool is_file = fs::is_regular_file(request.from);
  const ConvertReply reply = is_file ? convert_from_delphi(request) : convert_to_delphi(request);
  if (args.flag("--json"))
    std::puts(nlohmann::ordered_json{
        {"model", reply.bundle}, {"tokens", reply.tokens}, {"parameters", reply.parameters}}
                  .dump()
                  .c_str());
  else
    std::printf("%s tokens, %s parameters: %s\n", format_count(reply.tokens).c_str(),
                format_count(reply.parameters).c_str(), request.out.c_str());
  return kOk;
}

}  // namespace cangong
