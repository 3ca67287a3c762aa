#include "kernel/kernels.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string_view>

namespace cangong {

namespace avx2 {
extern const Kernels kKernels;
}
namespace avx512 {
extern const Kernels kKernels;
}
namespace avx512_bf16 {
extern const Kernels kKernels;
}
namespace amx {
extern const Kernels kKernels;
}

namespace {

// The system gives a process tiles when it first asks (Linux: arch_prctl, ARCH_REQ_XCOMP_PERM).
bool may_use_tiles() {
  constexpr long kAsk = 0x1023, kTileData = 18;
  static const bool may = syscall(SYS_arch_prctl, kAsk, kTileData) == 0;
  return may;
}

// CPUID 7.1: AVX512-BF16.
bool knows_pairs() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1) != 0;
}

// CPUID 7: AMX-BF16 and AMX-TILE.
bool knows_tiles() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 22 & 1) != 0 && (d >> 24 & 1) != 0 &&
         may_use_tiles();
}

}  // namespace

std::size_t attention_scratch(std::size_t rows, std::size_t head_width) {
  const std::size_t lanes = rows + 16;  // up to whole vectors
  return 2 * head_width * lanes + 2 * rows * lanes + 2 * lanes + kKernelSlack;
}

const Kernels* kernels_named(const char* name) {
  if (std::string_view(name) == "avx2") return &avx2::kKernels;
  const bool knows_512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  if (std::string_view(name) == "avx512" && knows_512) return &avx512::kKernels;
  const bool knows_bf16 = knows_512 && knows_pairs();
  if (std::string_view(name) == "avx512-bf16" && knows_bf16) return &avx512_bf16::kKernels;
  if (std::string_view(name) == "amx" && knows_bf16 && knows_tiles()) return &amx::kKernels;
  return nullptr;
}

const Kernels& kernels() {
  static const Kernels* best = [] {
    for (const char* name : {"amx", "avx512-bf16", "avx512"})
      if (const Kernels* known = kernels_named(name)) return known;
    return kernels_named("avx2");
  }();
  return *best;
}

}  // namespace cangong
