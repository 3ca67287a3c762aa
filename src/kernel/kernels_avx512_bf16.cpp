#define CANGONG_LANES 16
#define CANGONG_KERNELS avx512_bf16
#define CANGONG_NAME "avx512-bf16"
#define CANGONG_PAIRS
#include "kernel/kernels_of.h"
