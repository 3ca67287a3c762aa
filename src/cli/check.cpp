#include "engine/check.h"

#include <cstdio>

#include "base/file.h"
#include "cli/args.h"

namespace cangong {

int run_check(const Args& args) {
  const CheckReport report = check_store(args.positional(0));
  if (const std::string file = args.get("--report", ""); !file.empty())
    write_file(file, check_html(report));
  std::fputs((args.flag("--json") ? check_json(report) + "\n" : check_text(report)).c_str(),
             stdout);
  return kOk;
}

}  // namespace cangong
