#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/args.h"
#include "registry/audit.h"

namespace cangong {
namespace {

void show(const AuditCheck& check, const std::string& noted) {
  if (!check.holds() && !check.first_bad_line) {
    std::printf("the chain does not hold: %s\n", check.problem.c_str());
    return;
  }
  if (check.first_bad_line) {
    std::printf("the chain breaks at line %s: %s\n", format_count(check.first_bad_line).c_str(),
                check.problem.c_str());
    return;
  }
  std::printf("the chain holds: %s records, head %s\n", format_count(check.records).c_str(),
              check.head.c_str());
  if (check.checkpoints)
    std::printf("signed %s times by key %s; %s records behind the last signature\n",
                format_count(check.checkpoints).c_str(), check.key.c_str(),
                format_count(check.unsigned_tail).c_str());
  else
    std::puts("NOT SIGNED: whoever may write the file can make it anew");
  if (!noted.empty())
    std::printf("the head that was noted %s\n",
                check.noted ? "is in it" : "IS NOT IN IT: records were taken away or replaced");
  else
    std::puts(
        "note the head somewhere else: only then is it seen when the end is cut off (--contains)");
}

}  // namespace

int run_audit(const Args& args) {
  if (args.positional(0) != "verify") throw UsageError{"usage: cangong audit verify HOME"};
  fs::path file = args.positional(1);
  // A home's own key, where it is here, is the one that must have signed.
  std::string key = args.get("--key", "");
  const fs::path own = file / "keys" / "audit.key";
  if (key.empty() && fs::exists(own)) key = SigningKey::open(own).public_key();
  if (fs::is_directory(file)) file /= "audit.ndjson";
  const std::string noted = args.get("--contains", "");
  const AuditCheck check = verify_audit(file, key, noted);
  const bool holds = check.holds() && (noted.empty() || check.noted);
  if (args.flag("--json"))
    std::puts(nlohmann::ordered_json{{"holds", holds},
                                     {"records", check.records},
                                     {"head", check.head},
                                     {"checkpoints", check.checkpoints},
                                     {"unsigned_tail", check.unsigned_tail},
                                     {"key", check.key},
                                     {"first_bad_line", check.first_bad_line},
                                     {"problem", check.problem}}
                  .dump()
                  .c_str());
  else
    show(check, noted);
  return holds ? kOk : kFailure;
}

}  // namespace cangong
