#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/args.h"
#include "engine/engine.h"
#include "source/mapping.h"

namespace cangong {

std::string mapping_help() {
  return "Keys of a mapping's table (docs/mapping.md):\n" + keys_of<TableRule>() + "\nsubject:\n" +
         keys_of<SubjectRule>() + "\ntime:\n" + keys_of<TimeRule>() + "\nevents:\n" +
         keys_of<EventRule>();
}

namespace {

void print_tally(const Tally& t) {
  std::printf("%s rows: %s accepted, %s rejected, %s skipped\n%s events\n",
              format_count(t.rows).c_str(), format_count(t.accepted).c_str(),
              format_count(t.rejected).c_str(), format_count(t.skipped).c_str(),
              format_count(t.events).c_str());
  for (const auto& [reason, count] : t.reasons)
    std::printf("  %s  %s\n", format_count(count).c_str(), reason.c_str());
  constexpr std::size_t kShown = 5;
  if (t.unread.empty()) return;
  std::printf("%s files were not read, such as:\n", format_count(t.unread.size()).c_str());
  for (std::size_t i = 0; i < std::min(t.unread.size(), kShown); ++i)
    std::printf("  %s\n", t.unread[i].c_str());
}

}  // namespace

int run_import(const Args& args) {
  if (const auto file = args.find("--suggest")) {
    std::fputs(suggest_mapping(*file).c_str(), stdout);
    return kOk;
  }
  ImportRequest request;
  request.format = args.positional(0);
  request.source.path = args.positional(1);
  request.source.mapping = args.get("--mapping", "");
  request.source.zone = args.get("--zone", "UTC");
  request.source.system = args.get("--system", "");
  request.source.codes = args.get("--codes", "");
  request.store = args.need("--into");
  request.dataset = args.get("--name", "");
  request.memory_bytes = args.bytes("--memory", std::size_t{1} << 30);
  const auto share = parse_number(args.get("--most-rejected", "0.1"));
  if (!share) throw UsageError{"--most-rejected is a share such as 0.1"};
  request.most_rejected = *share;
  request.dry_run = args.flag("--dry-run");
  request.once = args.get("--once", "");
  const ImportReply reply = import_data(request);
  const Tally& t = reply.tally;
  if (args.flag("--json")) {
    const nlohmann::ordered_json json{{"rows", t.rows},         {"accepted", t.accepted},
                                      {"rejected", t.rejected}, {"skipped", t.skipped},
                                      {"events", t.events},     {"subjects", t.subjects},
                                      {"reasons", t.reasons},   {"rejects", reply.rejects.string()},
                                      {"unread", t.unread},     {"kept_before", reply.kept_before}};
    std::puts(json.dump().c_str());
  } else if (reply.kept_before) {
    std::puts("an import with this key is kept already; nothing was done");
  } else {
    print_tally(t);
    if (request.dry_run)
      std::puts("a dry run: nothing was kept");
    else
      std::printf("the store now has %s patients\n", format_count(t.subjects).c_str());
    if (t.rejected && !request.dry_run) std::printf("where and why: %s\n", reply.rejects.c_str());
  }
  return t.rejected ? kPartial : kOk;
}

}  // namespace cangong
