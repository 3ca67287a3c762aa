#define CANGONG_LANES 16
#define CANGONG_KERNELS avx512
#define CANGONG_NAME "avx512"
#include "kernel/kernels_of.h"
