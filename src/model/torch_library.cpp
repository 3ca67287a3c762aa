#include "model/torch_library.h"

#include <dlfcn.h>

#include "base/error.h"
#include "base/program.h"
#include "model/neural.h"

namespace cangong {

void* torch_symbol(const char* name) {
  static const fs::path file = program_file().parent_path() / "libcangong_torch.so";
  static void* const library = [] {
    void* loaded = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!loaded)
      fail(Fault::missing, std::string("this build cannot train networks: ") + ::dlerror());
    return loaded;
  }();
  void* symbol = ::dlsym(library, name);
  if (!symbol) fail(Fault::missing, file.string() + " belongs to another version");
  return symbol;
}

NetworkTrainer network_trainer() {
  static const auto trainer = reinterpret_cast<NetworkTrainer>(torch_symbol(kNetworkTrainer));
  return trainer;
}

}  // namespace cangong
