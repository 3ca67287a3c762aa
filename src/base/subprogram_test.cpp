#include "base/subprogram.h"

#include <arrow/util/thread_pool.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/file.h"

namespace cangong {
namespace {

// The program is this test itself; asked for tests of which it has none, it ends at once.
Subprogram brief_run(const fs::path& folder) {
  return {{"--gtest_list_tests", "--gtest_filter=None.None"}, folder / "output"};
}

TEST(Subprogram, SaysHowItEnded) {
  const TempFolder folder;
  Subprogram run = brief_run(folder.path());
  EXPECT_EQ(run_subprogram(run), 0);
  run.words = {"--gtest_filter=Subprogram.DISABLED_WaitsForEver",
               "--gtest_also_run_disabled_tests"};
  int asked = 0;
  run.stop = [&] { return ++asked > 3; };
  EXPECT_EQ(run_subprogram(run), 128 + SIGTERM);
}

TEST(Subprogram, DISABLED_WaitsForEver) {
  std::this_thread::sleep_for(std::chrono::seconds(60));
}

// What other threads do meanwhile, with their memory and with Arrow's, does not hold it up.
TEST(Subprogram, StartsWhileOtherThreadsWork) {
  const TempFolder folder;
  std::atomic<bool> over = false;
  std::vector<std::jthread> busy;
  for (int k = 0; k < 3; ++k)
    busy.emplace_back([&] {
      while (!over) {
        EXPECT_TRUE(arrow::internal::GetCpuThreadPool()->Spawn([] { std::string(100, 'x'); }).ok());
        std::jthread([] { std::vector<int>(5000); });
      }
    });
  for (int k = 0; k < 10; ++k) EXPECT_EQ(run_subprogram(brief_run(folder.path())), 0);
  over = true;
}

}  // namespace
}  // namespace cangong
