#include <cstdio>

#include "base/json_values.h"
#include "base/progress.h"
#include "cli/args.h"
#include "engine/foundation.h"

namespace cangong {
namespace {

std::string pretrain_json(const PretrainReply& reply) {
  nlohmann::ordered_json json{{"model", reply.bundle},
                              {"name", reply.name},
                              {"tokens", reply.tokens},
                              {"parameters", reply.parameters},
                              {"people", reply.tally.people},
                              {"events", reply.tally.events},
                              {"unknown_events", reply.tally.unknown},
                              {"people_without_birth", reply.tally.without_birth},
                              {"people_too_short", reply.tally.too_short},
                              {"resumed_from", reply.resumed_from}};
  if (!reply.bundle.empty())
    json["judged"] = {{"by", reply.facts.judged_by},
                      {"events", reply.facts.judged_events},
                      {"cross_entropy", number(reply.facts.cross_entropy)},
                      {"waiting", number(reply.facts.waiting)}};
  auto& curve = json["curve"] = nlohmann::ordered_json::array();
  for (const PretrainPoint& point : reply.curve)
    curve.push_back({{"step", point.step},
                     {"training", number(point.training)},
                     {"cross_entropy", number(point.cross_entropy)},
                     {"waiting", number(point.waiting)}});
  return json.dump();
}

}  // namespace

std::string pretrain_help() {
  return "Keys of a recipe (docs/foundation.md):\n" + keys_of<PretrainRecipe>() + "\ntokens:\n" +
         keys_of<TokenOptions>() + "\nwindow:\n" + keys_of<WindowOptions>() + "\nmodel:\n" +
         keys_of<DecoderOptions>() + "\ntraining:\n" + keys_of<PretrainOptions>() + "\nsplit:\n" +
         keys_of<ShareOptions>();
}

int run_pretrain(const Args& args) {
  PretrainRequest request;
  request.recipe = args.positional(0);
  request.store = args.need("--store");
  request.out = args.need("--out");
  request.threads = args.threads();
  request.device = device_named(args.get("--device", "cpu"));
  request.dry_run = args.flag("--dry-run");
  request.only_prepare = args.flag("--prepare");
  request.say = note;
  const PretrainReply reply = pretrain_model(request);
  if (args.flag("--json")) {
    std::puts(pretrain_json(reply).c_str());
    return kOk;
  }
  std::printf("%s events of %s people, %s tokens, %s parameters\n",
              format_count(reply.tally.events).c_str(), format_count(reply.tally.people).c_str(),
              format_count(reply.tokens).c_str(), format_count(reply.parameters).c_str());
  if (request.dry_run)
    std::puts("would train on them");
  else if (request.only_prepare)
    std::printf("%s.work is ready to be trained, here or elsewhere (docs/foundation.md)\n",
                request.out.c_str());
  else
    std::printf("trained on %s events of %s people\n", format_count(reply.facts.events).c_str(),
                format_count(reply.facts.people).c_str());
  if (reply.tally.without_birth > 0)
    std::printf("%s people have no MEDS_BIRTH, so no ages: left out\n",
                format_count(reply.tally.without_birth).c_str());
  if (!reply.bundle.empty())
    std::printf("loss of %s: %.4f + %.4f nats an event (%s events): %s\n",
                reply.facts.judged_by == "held_out"
                    ? "those who had no part"
                    : "the tuning patients, who chose the weights, for want of others",
                reply.facts.cross_entropy, reply.facts.waiting,
                format_count(reply.facts.judged_events).c_str(), request.out.c_str());
  return kOk;
}

}  // namespace cangong
