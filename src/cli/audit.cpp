#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/args.h"
#include "registry/audit.h"

namespace cangong {

int run_audit(const Args& args) {
  if (args.positional(0) != "verify") throw UsageError{"usage: cangong audit verify STORE"};
  fs::path file = args.positional(1);
  if (fs::is_directory(file)) file /= "audit.ndjson";
  const AuditCheck check = verify_audit(file);
  if (args.flag("--json"))
    std::puts(nlohmann::ordered_json{{"records", check.records},
                                     {"first_bad_line", check.first_bad_line},
                                     {"problem", check.problem}}
                  .dump()
                  .c_str());
  else if (check.first_bad_line)
    std::printf("the chain breaks at line %s: %s\n", format_count(check.first_bad_line).c_str(),
                check.problem.c_str());
  else
    std::printf("the chain holds: %s records\n", format_count(check.records).c_str());
  return check.first_bad_line ? kFailure : kOk;
}

}  // namespace cangong
