# Each table of kernels is compiled for its own instructions, apart from all else. Products and sums are
# contracted there. -Wno-*uninitialized: g++ 12 takes its own vector headers for wrong.
set(_kernel_flags -ffp-contract=fast -fno-math-errno
  $<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
set_source_files_properties(src/kernel/kernels_avx2.cpp PROPERTIES
  SKIP_UNITY_BUILD_INCLUSION ON COMPILE_OPTIONS "${_kernel_flags};-O3")
list(APPEND _kernel_flags -O3 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512)
set_source_files_properties(src/kernel/kernels_avx512.cpp PROPERTIES
  SKIP_UNITY_BUILD_INCLUSION ON COMPILE_OPTIONS "${_kernel_flags}")
set_source_files_properties(src/kernel/kernels_avx512_bf16.cpp PROPERTIES
  SKIP_UNITY_BUILD_INCLUSION ON COMPILE_OPTIONS "${_kernel_flags};-mavx512bf16")
set_source_files_properties(src/kernel/kernels_amx.cpp PROPERTIES
  SKIP_UNITY_BUILD_INCLUSION ON COMPILE_OPTIONS "${_kernel_flags};-mavx512bf16;-mamx-tile;-mamx-bf16")
