// The trail of answers: append-only, each record chained to the one before by its digest.
#pragma once

#include <string>

#include "base/digest.h"
#include "base/file.h"

namespace cangong {

// Appends {"n", "at", "previous", <fields>, "digest"} as one line; `fields` is the inside of a JSON
// object. The file is made with mode 0600. Throws Fault::storage where it cannot be written: an
// answer that cannot be recorded is not given.
void append_audit(const fs::path& file, const std::string& at, const std::string& fields);

struct AuditCheck {
  std::uint64_t records = 0;
  std::uint64_t first_bad_line = 0;  // 0 = the chain holds
  std::string problem;
};
AuditCheck verify_audit(const fs::path& file);

}  // namespace cangong
