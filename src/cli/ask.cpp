#include <cstdio>

#include "base/json_values.h"
#include "base/text.h"
#include "cli/show.h"

namespace cangong {
namespace {

std::string asked_json(const AskReply& reply) {
  nlohmann::ordered_json json{{"model", reply.bundle},
                              {"name", reply.model},
                              {"store", reply.store},
                              {"synthetic", reply.synthetic},
                              {"as_of", format_time(reply.as_of)},
                              {"codes", reply.codes},
                              {"probability", reply.value},
                              {"standard_error", reply.standard_error},
                              {"low", reply.low},
                              {"high", reply.high},
                              {"as_recorded", number(reply.as_recorded)},
                              {"yearly_rate", reply.yearly_rate},
                              {"method", reply.method},
                              {"numbers", name_of(reply.format)},
                              {"futures", reply.futures},
                              {"futures_taken", reply.taken},
                              {"futures_cut", reply.cut},
                              {"warnings", reply.warnings}};
  auto& reasons = json["reasons"] = nlohmann::ordered_json::array();
  for (const PastEvent& event : reply.reasons)
    reasons.push_back(
        {{"code", event.code}, {"age_years", event.age_years}, {"ratio", event.ratio}});
  if (reply.shared) {
    auto& shared = json["shared"] = {{"orders", reply.shared->orders},
                                     {"rate_with_all", reply.shared->with_all},
                                     {"rate_with_none", reply.shared->with_none},
                                     {"events", nlohmann::ordered_json::array()}};
    for (const SharedRate::Event& event : reply.shared->events)
      shared["events"].push_back({{"code", event.code},
                                  {"age_years", event.age_years},
                                  {"share", event.share},
                                  {"standard_error", event.standard_error}});
  }
  return json.dump();
}

void print_shares(const SharedRate& shared) {
  std::printf(
      "rate now by the past events: %.4f a year with none of them, %.4f with all; shares of the "
      "logarithm (%zu orders)\n",
      shared.with_none, shared.with_all, shared.orders);
  constexpr std::size_t kMost = 20;
  for (std::size_t i = 0; i < std::min(kMost, shared.events.size()); ++i) {
    const SharedRate::Event& event = shared.events[i];
    std::printf("  %+.3f (%.3f) at age %-5.1f %s\n", event.share, event.standard_error,
                event.age_years, event.code.c_str());
  }
}

}  // namespace

int run_ask(const Args& args) {
  AskRequest request;
  request.question = question_in(args);
  request.codes = args.get("--codes", "");
  if (const auto task = args.find("--task")) request.task = *task;
  if (const auto predicates = args.find("--predicates")) request.predicates = *predicates;
  if (request.task.has_value() != request.codes.empty())
    throw UsageError{"either --codes or --task says what is asked"};
  Supposing& supposing = request.supposing;
  for (const auto& [flag, into] :
       {std::pair("--with", &supposing.with), std::pair("--without", &supposing.without),
        std::pair("--shift", &supposing.shifted)})
    if (const auto said = args.find(flag))
      for (const std::string_view code : split(*said, ',')) into->emplace_back(code);
  request.explain = args.flag("--explain");
  if (args.find("--shares")) request.orders = whole_in(args, "--shares", "0");
  const AskReply reply = ask_model(request);
  if (args.flag("--json")) {
    std::puts(asked_json(reply).c_str());
    return kOk;
  }
  std::printf("%s%.2f %% (%.2f to %.2f by the drawing alone, %s futures): %s\n",
              reply.synthetic ? "SYNTHETIC. " : "", 100 * reply.value, 100 * reply.low,
              100 * reply.high, format_count(reply.futures).c_str(),
              join(reply.codes, ", ").c_str());
  if (!request.task) std::printf("rate now: %.4f a year\n", reply.yearly_rate);
  if (reply.as_recorded) std::printf("as it is recorded: %.2f %%\n", 100 * *reply.as_recorded);
  for (const std::string& warning : reply.warnings) std::printf("note: %s\n", warning.c_str());
  for (const PastEvent& event : reply.reasons)
    std::printf("  x %-6.2f at age %-5.1f %s\n", event.ratio, event.age_years, event.code.c_str());
  if (reply.shared) print_shares(*reply.shared);
  return kOk;
}

}  // namespace cangong
