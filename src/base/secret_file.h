// Secrets lie in files that their owner alone can read: never in flags, environment or
// configuration.
#pragma once

#include <string>

#include "base/file.h"

namespace cangong {

// Throws Fault::denied, saying what to do, where others than its owner may read it, or the owner is
// neither who runs this program nor root; Fault::missing where there is no such file.
void require_private(const fs::path& file);
// The same of a file that a configuration names: Fault::config.
void require_secret_file(const fs::path& file);
// Its first line. Throws Fault::config also where that is empty.
std::string read_secret(const fs::path& file);

}  // namespace cangong
