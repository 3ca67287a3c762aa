#include "kernel/kernels.h"

#include <string_view>

namespace cangong {

namespace avx2 {
extern const Kernels kKernels;
}
namespace avx512 {
extern const Kernels kKernels;
}

std::size_t attention_scratch(std::size_t rows, std::size_t head_width) {
  const std::size_t lanes = rows + 16;  // up to whole vectors
  return 2 * head_width * lanes + 2 * rows * lanes + 2 * lanes + kKernelSlack;
}

const Kernels* kernels_named(const char* name) {
  if (std::string_view(name) == "avx2") return &avx2::kKernels;
  const bool knows_512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  if (std::string_view(name) == "avx512" && knows_512) return &avx512::kKernels;
  return nullptr;
}

const Kernels& kernels() {
  static const Kernels* best =
      kernels_named("avx512") ? kernels_named("avx512") : kernels_named("avx2");
  return *best;
}

}  // namespace cangong
