#include <pwd.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/args.h"
#include "engine/card_facts.h"
#include "engine/hospital.h"
#include "registry/approval.h"

namespace cangong {
namespace {

// Who works here, as the machine knows them.
std::string user_name() {
  const passwd* entry = ::getpwuid(::getuid());
  return entry ? entry->pw_name : std::to_string(::getuid());
}

}  // namespace

int run_approve(const Args& args) {
  const fs::path path = args.positional(0);
  Approval approval{args.need("--as"), "", user_name(), format_time(now()), args.get("--note", "")};
  fs::path models = path;
  if (!args.flag("--withdraw")) {
    const Bundle bundle = Bundle::open(path);
    models = bundle.folder().parent_path();
    approval.bundle = bundle.digest();
    if (bundle.folder().filename() != approval.bundle)
      throw UsageError{"approve a model inside a folder of models, where `cangong train` left it"};
  }
  // Who owns the folder may; the trail says that nobody else was asked.
  const auto open = approval.bundle.empty() ? std::vector<std::string>()
                                            : open_on_card(Bundle::open(models / approval.bundle));
  if (!open.empty())
    std::fprintf(stderr, "note: the model card is not complete (recipe, card:): %s\n",
                 join(open, ", ").c_str());
  approve(models, approval);
  if (args.flag("--json"))
    std::puts(nlohmann::ordered_json{
        {"name", approval.name}, {"bundle", approval.bundle}, {"by", approval.by}}
                  .dump()
                  .c_str());
  else
    std::printf(
        "%s %s by %s\n", approval.name.c_str(),
        approval.bundle.empty() ? "is withdrawn" : ("is " + approval.bundle.substr(0, 16)).c_str(),
        approval.by.c_str());
  return kOk;
}

}  // namespace cangong
