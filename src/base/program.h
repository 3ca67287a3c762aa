// The file that this code runs from: the program, or a library that another program has loaded.
#pragma once

#include "base/file.h"

namespace cangong {

// Throws Fault::missing where the system does not say.
fs::path program_file();

}  // namespace cangong
