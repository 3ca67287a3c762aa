#include "base/program.h"

#include <dlfcn.h>

#include "base/error.h"

namespace cangong {

fs::path program_file() {
  ::Dl_info info;
  if (!::dladdr(reinterpret_cast<const void*>(&program_file), &info) || !info.dli_fname)
    fail(Fault::missing, "the system does not say where the program lies");
  const fs::path named(info.dli_fname);  // of a program: as it was called
  std::error_code none;
  const fs::path self = fs::read_symlink("/proc/self/exe", none);
  const bool is_library = named.extension() == ".so";
  return is_library || none ? fs::canonical(named) : self;
}

}  // namespace cangong
