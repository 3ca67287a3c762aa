#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/show.h"
#include "engine/engine.h"

namespace cangong {

int run_synthesize(const Args& args) {
  SynthesizeRequest request;
  const auto number = [&](const char* name, const char* otherwise) {
    const auto value = parse_integer(args.get(name, otherwise));
    if (!value || *value < 0) throw UsageError{std::string(name) + " is a whole number"};
    return *value;
  };
  request.patients = number("--patients", "20000");
  request.seed = static_cast<std::uint64_t>(number("--seed", "1"));
  request.into = args.need("--into");
  request.format = args.get("--format", "meds");
  request.deep = args.flag("--deep");
  request.truth_at = args.get("--truth-at", request.truth_at);
  request.truth_years = years_in(args, "5");
  request.threads = args.threads();
  request.memory_bytes = args.bytes("--memory", std::size_t{1} << 30);
  const SynthesizeReply reply = synthesize(request);
  if (args.flag("--json"))
    std::puts(nlohmann::ordered_json{{"synthetic", true},
                                     {"patients", request.patients},
                                     {"seed", request.seed},
                                     {"events", reply.events},
                                     {"into", request.into.string()},
                                     {"truth", reply.truth.string()}}
                  .dump()
                  .c_str());
  else
    std::printf("%s synthetic patients, %s records: %s\nthe truth behind them: %s\n",
                format_count(static_cast<std::uint64_t>(request.patients)).c_str(),
                format_count(reply.events).c_str(), request.into.c_str(), reply.truth.c_str());
  return kOk;
}

}  // namespace cangong
