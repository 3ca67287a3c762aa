// Any bytes as a task file and as a recipe: a task, a recipe, or an Error that names the place.
#include "base/error.h"
#include "cohort/task.h"
#include "one_file.h"
#include "train/recipe.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cangong;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto attempt = [&](const auto& parse) {
    try {
      parse();
    } catch (const Error& error) {
      ensure(error.fault == Fault::config, error.what());
    }
  };
  attempt([&] { (void)parse_task(text, "task.yaml"); });
  attempt([&] { (void)parse_recipe(text, "recipe.yaml"); });
  return 0;
}
