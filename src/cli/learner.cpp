// What goes on with a training on a machine that has a graphics card and little else: no store, no
// Arrow, no service. See docs/foundation.md.
#include <cstdio>
#include <cstring>
#include <exception>

#include "base/parallel.h"
#include "base/progress.h"
#include "train/work_folder.h"

namespace cangong {
namespace {

constexpr const char* kHelp =
    "Example:\n  cangong_learner FM.work --device cuda\n\n"
    "Goes on with the training in FM.work, which cangong pretrain --prepare made, until its "
    "recipe's "
    "last step.\nAn interrupted one goes on where it stopped. Carried back, cangong pretrain makes "
    "the model of it.\n";

void learn(const fs::path& folder, Device device) {
  const WorkFolder work = WorkFolder::open(folder);
  const FileLock lock(folder / "lock", folder.string() + " is in use by another training");
  const TokenShards shards = work.shards();
  PretrainInput input{shards,          work.vocabulary,   work.recipe, work.checkpoint(),
                      work.belongs_to, default_threads(), device};
  input.judged = [](const PretrainPoint& point) {
    std::fprintf(stderr, "step %zu: training %.4f, tuning patients %.4f + %.4f\n", point.step,
                 point.training, point.cross_entropy, point.waiting);
  };
  const Pretrained done = pretrain(input);
  std::printf("%zu steps are done; carry %s back and run cangong pretrain there\n",
              work.recipe.training.steps, folder.c_str());
}

}  // namespace
}  // namespace cangong

int main(int argc, char** argv) {
  using namespace cangong;
  watch_for_interrupt();
  constexpr int kUsage = 2, kInterrupted = 130;
  const bool named = argc == 4 && std::strcmp(argv[2], "--device") == 0;
  if ((argc != 2 && !named) || std::strcmp(argv[1], "--help") == 0) {
    std::fputs(kHelp, argc == 2 ? stdout : stderr);
    return argc == 2 ? 0 : kUsage;
  }
  try {
    learn(argv[1], named ? device_named(argv[3]) : Device::processor);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cangong_learner: %s\n", error.what());
    return interrupted() ? kInterrupted : 1;
  }
}
