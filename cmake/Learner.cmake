# What learns and draws alone, for a machine with a graphics card: needs g++, cmake, OpenSSL, zlib,
# yaml-cpp, nlohmann-json, re2, date and libtorch; no Arrow, database or page. Builds cangong_learner,
# cangong_bench and, where GoogleTest and libzip are, cangong_tests.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/*/*.cpp)
list(FILTER sources INCLUDE REGEX "/src/(base/(config|digest|file|mapped_file|pattern|program|progress|safetensors|\
text|time|json_members)|kernel/.*|encode/(delphi_batch|token_shards|token_vocabulary)|\
model/(decoder_[a-z]*|delphi_[a-z]*|leave_one_out|torch_library)|\
train/(decoder_trainer|processor_trainer|token_batches|pretrain|pretrain_recipe|work_folder))\\.cpp$")
list(FILTER sources EXCLUDE REGEX "_torch\\.cpp$|_test\\.cpp$")
include(Kernels)
add_library(cangong_core STATIC ${sources})
target_link_libraries(cangong_core PUBLIC cangong_flags PRIVATE OpenSSL::Crypto ZLIB::ZLIB yaml-cpp
  nlohmann_json::nlohmann_json date::date-tz ${RE2_LIBRARY} Threads::Threads ${CMAKE_DL_LIBS})
target_compile_definitions(cangong_core PUBLIC CANGONG_HAS_TORCH)

add_library(cangong_torch SHARED src/model/decoder_torch.cpp src/model/decoder_futures_torch.cpp
  src/train/decoder_learner_torch.cpp)
target_link_libraries(cangong_torch PRIVATE cangong_flags cangong::torch)

add_executable(cangong_learner src/cli/learner.cpp)
add_executable(cangong_bench bench/learner.cpp bench/timelines.cpp)
set(programs cangong_learner cangong_bench)
find_package(GTest)
find_library(ZIP_LIBRARY zip)
if(GTest_FOUND AND ZIP_LIBRARY)
  add_executable(cangong_tests src/model/decoder_additive_test.cpp
    src/model/decoder_shapley_test.cpp
    tests/parity/decoder_test.cpp tests/parity/decoder_futures_test.cpp
    src/source/numpy_array.cpp)
  target_compile_definitions(cangong_tests PRIVATE CANGONG_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_link_libraries(cangong_tests PRIVATE GTest::gtest_main ${ZIP_LIBRARY})
  list(APPEND programs cangong_tests)
endif()
foreach(program IN LISTS programs)
  target_link_libraries(${program} PRIVATE cangong_core nlohmann_json::nlohmann_json)
  add_dependencies(${program} cangong_torch)
endforeach()
set_target_properties(${programs} cangong_torch PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR} LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
