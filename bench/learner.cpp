// The benchmarks of models of timelines alone, where there is no Arrow (CANGONG_ARROW=OFF).
#include <cstdio>
#include <exception>

#include "timelines.h"

int main(int argc, char** argv) {
  const auto& works = cangong::timeline_benches();
  if (argc != 3 || !works.contains(argv[1])) {
    std::fprintf(stderr, "usage: cangong_bench WORK FOLDER\n");
    return 2;
  }
  try {
    std::puts(works.at(argv[1])(argv[2]).dump().c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
