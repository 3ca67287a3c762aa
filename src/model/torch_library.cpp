#include <dlfcn.h>

#include "base/error.h"
#include "base/program.h"
#include "model/neural.h"

namespace cangong {

// The part with torch lies beside the program and is loaded when a network is first trained.
NetworkTrainer network_trainer() {
  static const NetworkTrainer trainer = [] {
    const fs::path file = program_file().parent_path() / "libcangong_torch.so";
    void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library)
      fail(Fault::missing, std::string("this build cannot train networks: ") + ::dlerror());
    void* symbol = ::dlsym(library, kNetworkTrainer);
    if (!symbol) fail(Fault::missing, file.string() + " belongs to another version");
    return reinterpret_cast<NetworkTrainer>(symbol);
  }();
  return trainer;
}

}  // namespace cangong
