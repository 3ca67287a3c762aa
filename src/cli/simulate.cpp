#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/show.h"
#include "engine/question.h"

namespace cangong {
namespace {

std::string simulated_json(const SimulateReply& reply) {
  nlohmann::ordered_json json{{"model", reply.bundle},
                              {"name", reply.model},
                              {"store", reply.store},
                              {"synthetic", reply.synthetic},
                              {"as_of", format_time(reply.as_of)},
                              {"age_years", reply.age_years},
                              {"numbers", name_of(reply.format)},
                              {"futures", reply.futures},
                              {"cut", reply.cut},
                              {"unknown_events", reply.unknown_events},
                              {"events", reply.events},
                              {"dead", reply.dead},
                              {"warnings", reply.warnings}};
  auto& codes = json["codes"] = nlohmann::ordered_json::array();
  for (const SimulatedCode& code : reply.codes)
    codes.push_back({{"code", code.code},
                     {"description", code.description},
                     {"share", code.share},
                     {"standard_error", code.standard_error},
                     {"median_years", code.median_days / 365.25},
                     {"events", code.events}});
  return json.dump();
}

}  // namespace

std::size_t whole_in(const Args& args, std::string_view name, std::string_view otherwise) {
  const auto value = parse_integer(args.get(name, otherwise));
  if (!value || *value <= 0 || *value > 10'000'000)
    throw UsageError{std::string(name) + " is a whole number from 1 to 10,000,000"};
  return static_cast<std::size_t>(*value);
}

double years_in(const Args& args, std::string_view otherwise) {
  const auto years = parse_number(args.get("--years", otherwise));
  if (!years || !(*years > 0)) throw UsageError{"--years is a number above 0"};
  constexpr double kMost = 130;
  if (*years > kMost) throw UsageError{"--years is 130 at most"};
  return *years;
}

FutureQuestion question_in(const Args& args) {
  FutureQuestion question;
  question.bundle = args.positional(0);
  question.store = args.need("--store");
  question.subject = args.need("--subject");
  question.as_of = args.need("--as-of");
  question.zone = args.get("--zone", "UTC");
  question.horizon = years_long(years_in(args, "10"));
  question.futures = whole_in(args, "--futures", "1000");
  question.seed = whole_in(args, "--seed", "1");
  question.threads = args.threads();
  question.device = device_named(args.get("--device", "cpu"));
  if (args.flag("--bf16")) question.format = FloatFormat::bfloat16;
  return question;
}

int run_simulate(const Args& args) {
  SimulateRequest request;
  request.question = question_in(args);
  request.most = whole_in(args, "--most", "20");
  request.out = args.get("--out", "");
  const SimulateReply reply = simulate_futures(request);
  if (args.flag("--json")) {
    std::puts(simulated_json(reply).c_str());
    return kOk;
  }
  std::printf("%s%s futures from age %.1f on; %.1f events each; %.1f %% end by death\n",
              reply.synthetic ? "SYNTHETIC. " : "", format_count(reply.futures).c_str(),
              reply.age_years, reply.events, 100 * reply.dead);
  std::printf("of 100 futures   half of them by   code\n");
  for (const SimulatedCode& code : reply.codes)
    std::printf("  %5.1f +- %-4.1f     %5.1f years     %s  %s\n", 100 * code.share,
                196 * code.standard_error, code.median_days / 365.25, code.code.c_str(),
                code.description.c_str());
  for (const std::string& warning : reply.warnings) std::printf("%s\n", warning.c_str());
  if (reply.cut > 0)
    std::printf("%s futures have more events than are drawn; they end early\n",
                format_count(reply.cut).c_str());
  return kOk;
}

}  // namespace cangong
