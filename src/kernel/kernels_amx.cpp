#define CANGONG_LANES 16
#define CANGONG_KERNELS amx
#define CANGONG_NAME "amx"
#define CANGONG_PAIRS
#define CANGONG_AMX
#include "kernel/kernels_of.h"
