// Against the batches of the official code (commit 770b87a), stored beside Delphi's simulated data.
#include "encode/delphi_batch.h"

#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "../shared_data.h"
#include "npz.h"

namespace cangong {
namespace {

DelphiPeople people_in(const fs::path& file) {
  const std::string bytes = read_file(file);
  std::vector<DelphiEvent> rows(bytes.size() / 12);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::uint32_t row[3];
    std::memcpy(row, bytes.data() + 12 * i, 12);
    rows[i] = {row[0], row[1], row[2]};
  }
  return people_of(std::move(rows));
}

DelphiPeople people_in(const NpzArray& rows) {
  std::vector<DelphiEvent> events;
  for (const auto* at = rows.values.data(); events.size() < rows.shape[0]; at += 3)
    events.push_back({static_cast<std::int64_t>(at[0]), static_cast<std::int64_t>(at[1]),
                      static_cast<std::int64_t>(at[2])});
  return people_of(std::move(events));
}

DelphiBatchOptions options_of(const nlohmann::json& about) {
  using Options = DelphiBatchOptions;
  Options options;
  const std::string no_events = about.value("padding", "regular"), block = about["select"];
  options.no_events = no_events == "regular"  ? Options::NoEvents::regular
                      : no_events == "random" ? Options::NoEvents::random
                                              : Options::NoEvents::none;
  options.block = block == "left"    ? Options::Block::first
                  : block == "right" ? Options::Block::last
                                     : Options::Block::random;
  options.length = about["block_size"];
  options.no_event_years = about.value("no_event_token_rate", 5.0);
  options.shifts_lifestyle = about.value("lifestyle_augmentations", false);
  options.cuts_padding = about["cut_batch"];
  return options;
}

TEST(DelphiBatch, AreTheOfficialOnes) {
  NEEDS_SHARED_DATA("delphi-parity");
  NEEDS_SHARED_DATA("delphi-simulated");
  const fs::path folder = shared_data() / "delphi-parity" / "P1_batches";
  const auto stored = read_npz(folder / "batches.npz");
  const auto cases = nlohmann::json::parse(read_file(folder / "batches.json"));
  std::map<std::string, DelphiPeople> people;
  for (const std::string split : {"train", "val"})
    people[split] = people_in(shared_data() / "delphi-simulated" / (split + ".bin"));
  people["synthetic"] = people_in(stored.at("synthetic/data"));
  EXPECT_EQ(cases.size(), 26u);
  for (const auto& [name, about] : cases.items()) {
    const auto array = [&, &name = name](const char* key) { return stored.at(name + "/" + key); };
    const DelphiBatch batch =
        delphi_batch(people.at(about["split"]), array("ix").as<std::int64_t>(), options_of(about));
    EXPECT_EQ((std::vector{batch.people, batch.length}), array("x").shape) << name;
    EXPECT_EQ(batch.ages, array("a").as<float>()) << name;
    EXPECT_EQ(batch.next_ages, array("b").as<float>()) << name;
    const bool is_stable = about["stable_sort_equal"];  // the official order of ties is the CPU's
    EXPECT_EQ(batch.tokens, array(is_stable ? "x" : "x_stable").as<std::int32_t>()) << name;
    EXPECT_EQ(batch.next, array(is_stable ? "y" : "y_stable").as<std::int32_t>()) << name;
  }
}

TEST(DelphiBatch, TooFewEventsAreRefused) {
  EXPECT_THROW((void)delphi_batch(people_of({{1, 0, 1}, {1, 9, 20}}), std::vector<std::int64_t>{0}),
               Error);
}

}  // namespace
}  // namespace cangong
