#include "train/cross_validation.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "timeline/store_writer.h"

namespace cangong {
namespace {

struct Stopped {};

// 60 patients with one lab; who has a high one gets the event.
struct Clinic {
  TempFolder folder;
  std::vector<LabelRow> rows;

  Clinic() {
    StoreWriter writer(folder.path() / "store", {});
    Random random(9);
    for (int i = 0; i < 60; ++i) {
      Event event;
      event.code = writer.codes().intern("LAB//A");
      event.time = Time(std::chrono::days(10));
      const double level = random.normal();
      event.number = static_cast<float>(level);
      writer.add(PatientId(i), event);
      rows.push_back({PatientId(i), Time(std::chrono::days(11)), level + random.normal() > 0});
    }
    writer.commit();
  }

  OutOfFold validate(const fs::path& work, int stop_after = 1 << 20) const {
    const Store store = Store::open(folder.path() / "store");
    const Recipe recipe = parse_recipe(
        "encoder: {windows: [all], aggregates: [last]}\nmodel: {kind: linear}\n"
        "baselines: []\nvalidation: {folds: 5}\n",
        "recipe.yaml");
    TrainContext context;
    context.work = work;
    int said = 0;
    context.say = [&](const std::string&) {
      if (++said > stop_after) throw Stopped{};
    };
    const TrainInput input{store, rows, recipe, "task", ""};
    return cross_validate(input, examples_of(rows, {}), context);
  }
};

TEST(CrossValidation, GoesOnAfterTheLastFoldToTheSameAnswers) {
  const Clinic clinic;
  const OutOfFold whole = clinic.validate({});
  const TempFolder work;
  EXPECT_THROW(clinic.validate(work.path(), 2), Stopped);
  EXPECT_FALSE(fs::is_empty(work.path()));
  const OutOfFold resumed = clinic.validate(work.path());
  EXPECT_EQ(resumed.folds, 5u);
  EXPECT_EQ(resumed.examples, whole.examples);
  EXPECT_EQ(resumed.scored.front().value, whole.scored.front().value);
}

}  // namespace
}  // namespace cangong
