#define CANGONG_LANES 8
#define CANGONG_KERNELS avx2
#define CANGONG_NAME "avx2"
#include "kernel/kernels_of.h"
