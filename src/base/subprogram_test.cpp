#include "base/subprogram.h"

#include <arrow/util/thread_pool.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "base/file.h"

namespace cangong {
namespace {

// The child runs what it is asked for, not a share of it.
class Subprograms : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ::unsetenv("GTEST_TOTAL_SHARDS");
    ::unsetenv("GTEST_SHARD_INDEX");
  }
};

// The program is this test itself; asked for tests of which it has none, it ends at once.
Subprogram brief_run(const fs::path& folder) {
  return {{"--gtest_list_tests", "--gtest_filter=None.None"}, folder / "output"};
}

TEST_F(Subprograms, SaysHowItEnded) {
  const TempFolder folder;
  Subprogram run = brief_run(folder.path());
  EXPECT_EQ(run_subprogram(run), 0);
  run.words = {"--gtest_filter=Subprograms.DISABLED_WaitsForEver",
               "--gtest_also_run_disabled_tests"};
  int asked = 0;
  run.stop = [&] { return ++asked > 3; };
  EXPECT_EQ(run_subprogram(run), 128 + SIGTERM);
}

TEST_F(Subprograms, DISABLED_WaitsForEver) {
  std::this_thread::sleep_for(std::chrono::seconds(60));
}

// What other threads do meanwhile, with their memory and with Arrow's, does not hold it up.
TEST_F(Subprograms, StartsWhileOtherThreadsWork) {
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
