#include "serve/migrate.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/args.h"

namespace cangong {

int run_migrate(const Args& args) {
  MigrateRequest request{args.positional(0), MigrateRequest::Mode::change};
  if (args.flag("--dry-run")) request.mode = MigrateRequest::Mode::tell;
  const MigrateReply reply = migrate(request);
  if (args.flag("--json")) {
    nlohmann::ordered_json tables = nlohmann::ordered_json::object();
    for (const TableContent& one : reply.moved) tables[one.table] = one.rows;
    std::puts(nlohmann::ordered_json{
        {"dry_run", args.flag("--dry-run")}, {"steps", reply.steps}, {"tables", tables}}
                  .dump()
                  .c_str());
    return kOk;
  }
  if (reply.steps.empty()) std::puts("nothing to do");
  for (const std::string& step : reply.steps)
    std::printf("%s%s\n", args.flag("--dry-run") ? "would: " : "", step.c_str());
  return kOk;
}

}  // namespace cangong
