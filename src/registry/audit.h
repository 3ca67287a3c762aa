// The trail of answers: append-only, each record chained to the one before by its digest, and
// signed now and then. Format: docs/formats.md.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/digest.h"
#include "base/file.h"
#include "registry/signature.h"

namespace cangong {

// A trail that several threads, and several processes, write. Records look like {"n", "at",
// "previous", <fields>, "digest"}, one a line.
class AuditTrail {
 public:
  // The file is made with mode 0600. With a key, every 1,000th record is a signed checkpoint.
  explicit AuditTrail(const fs::path& file, std::optional<SigningKey> key = std::nullopt);
  ~AuditTrail();

  // `fields` is a JSON object on one line, as dump() writes it. Returns when the record is on disk,
  // together with those of others that waited. Throws Fault::storage where it cannot be written:
  // what cannot be recorded is not done.
  void append(const std::string& at, const std::string& fields);
  // Throws Fault::input where a record is too long.
  static void require_short(const std::string& fields);
  // Several, with one flush.
  void append(const std::string& at, std::span<const std::string> records);
  // Signs what stands so far; nothing without a key, or where the last record is a checkpoint.
  void checkpoint(const std::string& at);

  struct Head {
    std::uint64_t records = 0;
    Digest digest;
  };
  Head head() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// One record, of a program that writes now and then.
void append_audit(const fs::path& file, const std::string& at, const std::string& fields);

// Whether a record, as it stands in the file, is a checkpoint.
bool is_checkpoint(std::string_view line);

struct AuditCheck {
  std::uint64_t records = 0, checkpoints = 0, unsigned_tail = 0;  // records behind the last one
  std::uint64_t first_bad_line = 0;                               // 0: no record is wrong by itself
  std::string problem;                                            // empty: the chain holds
  bool holds() const { return problem.empty(); }
  Digest head;
  std::string key;     // that signed, if any
  bool noted = false;  // the digest that was asked for is one of the chain's
};
// `key`: the only one that may have signed, and without whose signature the chain does not hold: it
// is easily made anew by whoever may write the file. `noted`: the head that was written down at
// some time.
AuditCheck verify_audit(const fs::path& file, const std::string& key = "",
                        const Digest& noted = "");

}  // namespace cangong
