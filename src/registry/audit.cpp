#include "registry/audit.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <exception>
#include <mutex>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "base/group_commit.h"
#include "base/text.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kBetweenCheckpoints = 1000;
constexpr std::size_t kLongestRecord = 200'000;  // bytes; the last one must be found again in 1 MB
const Digest kNothing(64, '0');
constexpr std::string_view kDigestKey = ",\"digest\":\"";
// Stands behind the digest of the record before.
constexpr std::string_view kCheckpoint = "\",\"what\":\"checkpoint\",";

// What a checkpoint signs: the number of the record and all that stands before it.
std::string signed_text(std::uint64_t n, const Digest& previous) {
  return "cangong audit " + std::to_string(n) + " " + previous;
}

// The last whole line of an open file; records are far shorter than what is read.
std::string last_line(int file, off_t size) {
  const off_t from = std::max<off_t>(0, size - (1 << 20));
  std::string tail(static_cast<std::size_t>(size - from), '\0');
  if (::pread(file, tail.data(), tail.size(), from) != static_cast<ssize_t>(tail.size()))
    fail(Fault::storage, "cannot read the audit trail");
  if (!tail.empty() && tail.back() != '\n')
    fail(Fault::storage, "the audit trail ends in the middle of a record");
  while (!tail.empty() && tail.back() == '\n') tail.pop_back();
  const std::size_t newline = tail.rfind('\n');
  return newline == std::string::npos ? tail : tail.substr(newline + 1);
}

// Others wait meanwhile.
struct Locked {
  int file;
  explicit Locked(int file) : file(file) {
    if (::flock(file, LOCK_EX) != 0) fail(Fault::storage, "cannot lock the audit trail");
  }
  ~Locked() { ::flock(file, LOCK_UN); }
};

}  // namespace

struct AuditTrail::State {
  struct Records {
    const std::string* at;
    std::span<const std::string> fields;
    bool sign = false;  // what stands by then
  };
  using Waiting = GroupCommit<Records>::Entry;

  fs::path path;
  std::optional<SigningKey> key;
  int file = -1;
  off_t end = -1;  // of what we know
  Head head{0, kNothing};
  bool signed_last = false;
  mutable std::mutex mutex;  // of the head
  GroupCommit<Records> writes{1024};

  ~State() {
    if (file >= 0) ::close(file);
  }

  // What another process wrote since. A record that a crash cut off was never acknowledged: it is
  // taken away.
  void catch_up() {
    struct stat info {};
    if (::fstat(file, &info) != 0) fail(Fault::storage, "cannot read " + path.string());
    if (info.st_size == end) return;
    end = info.st_size;
    drop_torn_record();
    const std::string line = last_line(file, end);
    head = {0, kNothing};
    if (line.empty()) return;
    const Json last = Json::parse(line, nullptr, false);
    if (!last.is_object() || !last.contains("digest") || !last.contains("n"))
      fail(Fault::storage, path.string() + ": the audit trail is damaged at its end");
    head = {last["n"].get<std::uint64_t>(), last["digest"].get<std::string>()};
    signed_last = is_checkpoint(line);
  }

  void drop_torn_record() {
    const off_t from = std::max<off_t>(0, end - (1 << 20));
    std::string tail(static_cast<std::size_t>(end - from), '\0');
    if (::pread(file, tail.data(), tail.size(), from) != static_cast<ssize_t>(tail.size()))
      fail(Fault::storage, "cannot read " + path.string());
    const std::size_t newline = tail.rfind('\n');
    if (tail.empty() || newline == tail.size() - 1) return;
    if (newline == std::string::npos && from > 0)
      fail(Fault::storage, path.string() + ": the audit trail is damaged at its end");
    end = newline == std::string::npos ? 0 : from + static_cast<off_t>(newline) + 1;
    if (::ftruncate(file, end) != 0) fail(Fault::storage, "cannot write " + path.string());
  }

  std::string record(const std::string& at, const std::string& fields) {
    std::string line = "{\"n\":" + std::to_string(head.records + 1) + ",\"at\":" + Json(at).dump() +
                       ",\"previous\":\"" + head.digest + "\"}";
    if (fields.size() > 2) line.replace(line.size() - 1, 1, "," + fields.substr(1));
    head = {head.records + 1, digest_of(line)};
    line.pop_back();
    return line + std::string(kDigestKey) + head.digest + "\"}\n";
  }

  std::string checkpoint(const std::string& at) {
    const std::string mark = key->sign(signed_text(head.records + 1, head.digest));
    signed_last = true;
    return record(
        at, Json{{"what", "checkpoint"}, {"key", key->public_key()}, {"signature", mark}}.dump());
  }

  // All of it or none: what was written in part is taken away again.
  void write(const std::string& lines) {
    const off_t before = end;
    ssize_t wrote = 0;
    for (std::size_t at = 0; at < lines.size(); at += static_cast<std::size_t>(wrote)) {
      wrote = ::write(file, lines.data() + at, lines.size() - at);
      if (wrote <= 0) break;
    }
    if (wrote <= 0 || ::fdatasync(file) != 0) {
      [[maybe_unused]] const int undone = ::ftruncate(file, before);
      end = -1;  // read again
      fail(Fault::storage, "cannot write the audit trail " + path.string() +
                               " (disk full?); what cannot be recorded is not done");
    }
    end = before + static_cast<off_t>(lines.size());
  }

  std::string lines_of(const Records& records) {
    std::string lines;
    for (const std::string& fields : records.fields) {
      signed_last = false;
      lines += record(*records.at, fields);
      if (key && head.records % kBetweenCheckpoints == 0) lines += checkpoint(*records.at);
    }
    if (records.sign && key && !signed_last && head.records > 0) lines += checkpoint(*records.at);
    return lines;
  }

  void commit(const std::vector<Waiting*>& all) {
    try {
      const Locked locked(file);
      const std::lock_guard lock(mutex);
      catch_up();
      std::string lines;
      for (const Waiting* one : all) lines += lines_of(*one->work);
      if (!lines.empty()) write(lines);
    } catch (...) {
      end = -1;
      for (Waiting* one : all) one->failure = std::current_exception();
    }
  }
};

AuditTrail::AuditTrail(const fs::path& path, std::optional<SigningKey> key)
    : state_(std::make_unique<State>()) {
  state_->path = path, state_->key = std::move(key);
  state_->file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
  if (state_->file < 0)
    fail(Fault::storage, "cannot write the audit trail " + path.string() + "; no answer is given");
  const Locked locked(state_->file);
  state_->catch_up();
}
AuditTrail::~AuditTrail() = default;

void AuditTrail::require_short(const std::string& fields) {
  if (fields.size() > kLongestRecord)
    fail(Fault::input, "too long to be recorded, and so it is not done");
}

void AuditTrail::append(const std::string& at, const std::string& fields) {
  append(at, std::span(&fields, 1));
}

void AuditTrail::append(const std::string& at, std::span<const std::string> records) {
  for (const std::string& fields : records) require_short(fields);
  state_->writes.take_part({&at, records}, [&](const auto& all) { state_->commit(all); });
}

void AuditTrail::checkpoint(const std::string& at) {
  state_->writes.take_part({&at, {}, true}, [&](const auto& all) { state_->commit(all); });
}

AuditTrail::Head AuditTrail::head() const {
  const std::lock_guard lock(state_->mutex);
  return state_->head;
}

void append_audit(const fs::path& path, const std::string& at, const std::string& fields) {
  AuditTrail(path).append(at, fields);
}

namespace {

// `"key":"` and what follows up to the next quote; empty where it is absent.
std::string_view text_after(std::string_view line, std::string_view key) {
  const std::size_t at = line.find(key);
  if (at == std::string_view::npos) return {};
  line.remove_prefix(at + key.size());
  return line.substr(0, line.find('"'));
}

// What of the line stands behind a part of it.
std::string_view behind(std::string_view line, std::string_view part) {
  return line.substr(static_cast<std::size_t>(part.data() + part.size() - line.data()));
}

}  // namespace

bool is_checkpoint(std::string_view line) {
  const std::string_view previous = text_after(line, ",\"previous\":\"");
  return !previous.empty() && behind(line, previous).starts_with(kCheckpoint);
}

namespace {

// Reads records as they lie, without parsing what they say.
class Verifier {
 public:
  explicit Verifier(std::string key) : key_(std::move(key)) {}

  // What is wrong with the next record; empty: nothing.
  std::string_view take(std::string_view line, AuditCheck& check) {
    constexpr std::size_t kTail = kDigestKey.size() + 64 + 2;
    const std::size_t cut = line.size() - std::min(line.size(), kTail);
    if (!line.substr(cut).starts_with(kDigestKey) || !line.ends_with("\"}")) return "not a record";
    const std::string_view digest = line.substr(cut + kDigestKey.size(), 64);
    const std::string_view text = line.substr(0, cut);  // but for its closing brace
    hasher_.start();
    hasher_.add(text), hasher_.add("}");
    if (hasher_.finish() != digest) return "the record was changed";
    const std::string_view previous = text_after(text, ",\"previous\":\"");
    if (previous != (check.head.empty() ? kNothing : check.head))
      return "a record before this one is missing, or stands elsewhere";
    const std::string number = "{\"n\":" + std::to_string(check.records + 1) + ",";
    if (!text.starts_with(number)) return "the numbering has a gap";
    const std::string_view rest = behind(text, previous);
    if (!rest.starts_with('"')) return "not a record";
    if (rest.starts_with(kCheckpoint)) {
      const std::string key(text_after(text, "\"key\":\""));
      const std::string signature(text_after(text, "\"signature\":\""));
      if (!is_signed(signed_text(check.records + 1, std::string(previous)), signature, key))
        return "the signature does not fit";
      if (!key_.empty() && key != key_) return "signed by another key";
      check.key = key;
      ++check.checkpoints;
      check.unsigned_tail = 0;
    } else {
      ++check.unsigned_tail;
    }
    check.head = digest;
    ++check.records;
    return {};
  }

 private:
  std::string key_;
  Hasher hasher_;
};

}  // namespace

AuditCheck verify_audit(const fs::path& path, const std::string& key, const Digest& noted) {
  AuditCheck check;
  LineReader lines(path);
  Verifier verifier(key);
  while (const auto line = lines.next()) {
    const auto problem = line->ended ? verifier.take(line->text, check) : "the record is cut off";
    if (!problem.empty()) {
      check.first_bad_line = line->number;
      check.problem = problem;
      return check;
    }
    check.noted |= check.head == noted;
  }
  if (!key.empty() && check.records > 0 && check.checkpoints == 0)
    check.problem = "nothing is signed by that key: the records may have been made anew";
  else if (!key.empty() && check.unsigned_tail > 2 * kBetweenCheckpoints)
    check.problem =
        "more records are unsigned at the end than are ever left so: the signatures "
        "between them were taken away";
  return check;
}

}  // namespace cangong
