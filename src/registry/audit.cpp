#include "registry/audit.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

// The last whole line of an open file; records are far shorter than what is read.
std::string last_line(int file) {
  const off_t size = ::lseek(file, 0, SEEK_END);
  const off_t from = std::max<off_t>(0, size - (1 << 20));
  std::string tail(static_cast<std::size_t>(size - from), '\0');
  if (::pread(file, tail.data(), tail.size(), from) != static_cast<ssize_t>(tail.size()))
    fail(Fault::storage, "cannot read the audit trail");
  while (!tail.empty() && tail.back() == '\n') tail.pop_back();
  const std::size_t newline = tail.rfind('\n');
  return newline == std::string::npos ? tail : tail.substr(newline + 1);
}

}  // namespace

void append_audit(const fs::path& path, const std::string& at, const std::string& fields) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
  if (file < 0 || ::flock(file, LOCK_EX) != 0) {
    if (file >= 0) ::close(file);
    fail(Fault::storage, "cannot write the audit trail " + path.string() + "; no answer is given");
  }
  try {
    Json record{{"n", 1}, {"at", at}, {"previous", std::string(64, '0')}};
    const std::string before = last_line(file);
    if (!before.empty()) {
      const Json last = Json::parse(before, nullptr, false);
      if (!last.is_object() || !last.contains("digest"))
        fail(Fault::storage, path.string() + ": the audit trail is damaged at its end");
      record["n"] = last.at("n").get<std::uint64_t>() + 1;
      record["previous"] = last.at("digest");
    }
    record.update(Json::parse("{" + fields + "}"));
    record["digest"] = digest_of(record.dump());
    const std::string line = record.dump() + "\n";
    if (::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size()) ||
        ::fsync(file) != 0)
      fail(Fault::storage, "cannot write the audit trail " + path.string());
  } catch (...) {
    ::close(file);
    throw;
  }
  ::close(file);
}

AuditCheck verify_audit(const fs::path& path) {
  AuditCheck check;
  LineReader lines(path);
  std::string previous(64, '0');
  while (const auto line = lines.next()) {
    Json record = Json::parse(line->text, nullptr, false);
    const auto bad = [&](const char* problem) {
      check.first_bad_line = line->number;
      check.problem = problem;
      return check;
    };
    if (!record.is_object() || !record.contains("digest")) return bad("not a record");
    const std::string digest = record["digest"];
    record.erase("digest");
    if (digest_of(record.dump()) != digest) return bad("the record was changed");
    if (record["previous"] != previous) return bad("a record before this one is missing");
    if (record["n"] != check.records + 1) return bad("the numbering has a gap");
    previous = digest;
    ++check.records;
  }
  return check;
}

}  // namespace cangong
