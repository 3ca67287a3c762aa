#include "engine/doctor.h"

#include <sys/statvfs.h>
#include <sys/sysinfo.h>

#include <chrono>

#include "base/error.h"
#include "base/parallel.h"
#include "base/text.h"
#include "base/time.h"
#include "model/neural.h"
#include "registry/audit.h"
#include "registry/bundle.h"
#include "timeline/store.h"

namespace cangong {
namespace {

using Result = Examination::Result;

std::string gigabytes(double bytes) {
  return format_fixed(bytes / (1 << 30), 1) + " GiB";
}

Examination memory() {
  struct sysinfo info {};
  ::sysinfo(&info);
  const double total = static_cast<double>(info.totalram) * info.mem_unit;
  const bool little = total < 3.5e9;
  return {"memory", little ? Result::warning : Result::well, gigabytes(total),
          little ? "imports take 1 GiB for sorting; give less with --memory 256M" : ""};
}

Examination disk(const fs::path& folder) {
  struct statvfs info {};
  if (::statvfs(folder.c_str(), &info) != 0)
    return {"disk", Result::ill, "cannot look at " + folder.string(), "check the path"};
  const double free = static_cast<double>(info.f_bavail) * static_cast<double>(info.f_frsize);
  const bool little = free < 5e9;
  return {"disk", little ? Result::warning : Result::well,
          gigabytes(free) + " free at " + folder.string(),
          little ? "an import needs about the size of the export again while it sorts" : ""};
}

Examination threads() {
  return {"threads", Result::well, std::to_string(default_threads()), ""};
}

Examination time_zones() {
  try {
    const Zone shanghai("Asia/Shanghai");
    return {"time zones", Result::well, "the system knows them", ""};
  } catch (const Error&) {
    return {"time zones", Result::ill, "the system has no time zone database",
            "install the package tzdata, or write offsets such as +08:00"};
  }
}

Examination clock() {
  const Time now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  const bool wrong = now < Time(std::chrono::sys_days(std::chrono::year(2025) / 1 / 1));
  return {"clock", wrong ? Result::ill : Result::well, format_time(now),
          wrong ? "set the clock: the audit trail records it" : ""};
}

Examination networks() {
  try {
    network_trainer();
    return {"networks", Result::well, "can be trained", ""};
  } catch (const Error& error) {
    return {"networks", Result::warning, error.what(),
            "linear models, trees and forests work without; build again for networks"};
  }
}

Examination writable() {
  try {
    const TempFolder folder;
    write_file(folder.path() / "probe", "probe");
    return {"temporary files", Result::well, folder.path().parent_path().string(), ""};
  } catch (const std::exception& error) {
    return {"temporary files", Result::ill, error.what(),
            "set TMPDIR to a folder that can be written"};
  }
}

void examine_trail(const AuditCheck& check, const std::string& what,
                   std::vector<Examination>& list) {
  const std::string at = check.first_bad_line
                             ? "breaks at line " + std::to_string(check.first_bad_line)
                             : "is no good";
  if (!check.holds())
    list.push_back({what, Result::ill, "the audit trail " + at + ": " + check.problem,
                    "keep the file: it shows that records were changed"});
  else
    list.push_back(
        {what, Result::well, "audit trail of " + format_count(check.records) + " records", ""});
}

void examine_store(const fs::path& path, std::vector<Examination>& list) {
  const std::string what = "store " + path.string();
  try {
    const Store store = Store::open(path);
    std::uint64_t rows = 0;
    store.each(Columns::all, [&](const Timeline& timeline) { rows += timeline.events().size(); });
    if (rows != store.inventory().rows())
      fail(Fault::storage, format_count(rows) + " of " + format_count(store.inventory().rows()) +
                               " events are there");
    list.push_back({what, Result::well,
                    format_count(store.inventory().subjects()) + " patients, " +
                        format_count(store.inventory().rows()) + " events" +
                        (store.inventory().synthetic ? ", SYNTHETIC" : ""),
                    ""});
    for (const auto& entry : fs::directory_iterator(path))
      if (entry.path().extension() == ".part")
        list.push_back({what, Result::warning, "an import was interrupted",
                        "import again: what it left is cleared away then"});
  } catch (const Error& error) {
    list.push_back({what, Result::ill, error.what(), "import again, or bring back a copy"});
    return;
  }
  list.push_back(disk(path));
  const fs::path trail = path / "audit.ndjson";
  if (!fs::exists(trail)) return;
  const AuditCheck check = verify_audit(trail);
  examine_trail(check, what, list);
}

// Whether the folder holds any.
bool examine_models(const fs::path& path, std::vector<Examination>& list) {
  const auto bundles = list_bundles(path);
  for (const auto& bundle : bundles) {
    const std::string name =
        bundle.aliases.empty() ? bundle.digest.substr(0, 16) : join(bundle.aliases, ", ");
    const bool well = bundle.problem.empty();
    list.push_back({"model " + name, well ? Result::well : Result::ill,
                    well ? "whole" : bundle.problem, well ? "" : "train or fetch it again"});
  }
  return !bundles.empty();
}

// What a service is started with.
bool is_home(const fs::path& path) {
  return fs::exists(path / "keys") && fs::exists(path / "audit.ndjson");
}

void examine_home(const fs::path& path, std::vector<Examination>& list) {
  const std::string what = "home " + path.string();
  try {
    const std::string key = SigningKey::open(path / "keys" / "audit.key").public_key();
    examine_trail(verify_audit(path / "audit.ndjson", key), what, list);
  } catch (const Error& error) {
    list.push_back({what, Result::ill, error.what(), "bring back the home from a backup"});
  }
  if (fs::exists(path / "store" / "store.json")) examine_store(path / "store", list);
  if (!fs::is_directory(path / "models") || !examine_models(path / "models", list))
    list.push_back({what, Result::warning, "no models", "train one; then cangong approve"});
  list.push_back(disk(path));
}

}  // namespace

std::vector<Examination> examine(const std::vector<fs::path>& paths) {
  std::vector<Examination> list{
      memory(), disk(fs::current_path()), threads(), time_zones(), clock(), networks(), writable()};
  for (const auto& path : paths) {
    if (!fs::exists(path))
      list.push_back({path.string(), Result::ill, "no such file or folder", "check the path"});
    else if (is_home(path))
      examine_home(path, list);
    else if (fs::exists(path / "store.json"))
      examine_store(path, list);
    else if (!fs::is_directory(path) || !examine_models(path, list))
      list.push_back({path.string(), Result::ill, "neither a home, a store nor a folder of models",
                      "name the folder that serve, import or train made"});
  }
  return list;
}

}  // namespace cangong
