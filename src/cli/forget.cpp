#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/show.h"

namespace cangong {
namespace {

std::string forgotten_json(const ForgetReply& reply) {
  nlohmann::ordered_json json{{"rows", reply.rows},
                              {"identifiers", reply.identifiers},
                              {"store_before", reply.before},
                              {"store", reply.after},
                              {"models", nlohmann::ordered_json::array()},
                              {"trainings_to_begin_anew", nlohmann::ordered_json::array()}};
  for (const ForgetReply::Model& model : reply.models)
    json["models"].push_back({{"digest", model.bundle},
                              {"aliases", model.aliases},
                              {"learnt_from_this_store", model.on_this_store}});
  for (const fs::path& work : reply.works) json["trainings_to_begin_anew"].push_back(work.string());
  return json.dump();
}

}  // namespace

int run_forget(const Args& args) {
  ForgetRequest request;
  request.store = args.positional(0);
  request.subject = args.need("--subject");
  request.models = args.get("--models", "");
  const ForgetReply reply = forget_patient(request);
  if (args.flag("--json")) {
    std::puts(forgotten_json(reply).c_str());
    return kOk;
  }
  std::printf("%s rows and %s identifiers are gone\n", format_count(reply.rows).c_str(),
              format_count(reply.identifiers).c_str());
  for (const ForgetReply::Model& model : reply.models)
    std::printf("%s: %.16s  %s\n", model.on_this_store ? "retrain" : "look   ",
                model.bundle.c_str(), join(model.aliases, ", ").c_str());
  if (!reply.models.empty())
    std::puts(
        "(retrain: learnt from the store as it was; look: from another one, or an older state)");
  for (const fs::path& work : reply.works)
    std::printf("begin anew: %s held their tokens\n", work.c_str());
  std::puts(
      "Not looked at: label tables, vectors, reports, backups, unfinished trainings on tables, a "
      "service's live record.");
  return kOk;
}

}  // namespace cangong
