#include <gtest/gtest.h>

#include <cmath>

#include "base/text.h"
#include "engine/engine.h"
#include "simulate/person.h"
#include "timeline/store.h"

namespace cangong {
namespace {

using simulate::kStates;

TEST(Simulate, EventsComeAtTheTrueHazards) {
  std::array<double, kStates> expected{}, seen{};
  for (int i = 1; i <= 4000; ++i)
    for (const auto& year : simulate::make_person(3, i).years)
      for (std::size_t s = 0; s < kStates; ++s) {
        expected[s] += year.cumulative[s];
        seen[s] += year.events[s];
      }
  // Counts minus cumulative hazards are a martingale: its variance is the cumulative hazard.
  for (std::size_t s = 0; s < kStates; ++s)
    EXPECT_LT(std::abs(seen[s] - expected[s]), 4 * std::sqrt(expected[s]))
        << simulate::kStateNames[s];
}

TEST(Simulate, ALifeIsInOrderAndLongEnough) {
  std::vector<std::size_t> counts;
  for (int i = 1; i <= 1000; ++i) {
    const auto person = simulate::make_person(1, i);
    counts.push_back(person.records.size());
    EXPECT_LT(person.birth, person.first);
    EXPECT_LE(person.first, person.last);
    for (const auto& record : person.records) {
      EXPECT_GE(record.occurred, person.first);
      EXPECT_LE(record.occurred, record.known);
      EXPECT_LE(record.known, person.last);
      if (record.number) {
        EXPECT_TRUE(std::isfinite(*record.number));
      }
    }
  }
  std::nth_element(counts.begin(), counts.begin() + 500, counts.end());
  EXPECT_GE(counts[500], 200u);
}

TEST(Simulate, APersonDoesNotDependOnTheOthers) {
  const auto one = simulate::make_person(7, 12), again = simulate::make_person(7, 12);
  ASSERT_EQ(one.records.size(), again.records.size());
  for (std::size_t i = 0; i < one.records.size(); ++i) {
    EXPECT_EQ(one.records[i].known, again.records[i].known);
    EXPECT_EQ(one.records[i].number, again.records[i].number);
  }
  EXPECT_NE(one.birth, simulate::make_person(8, 12).birth);
}

// Every row of a store as text, sorted, under the order of its patients.
std::vector<std::string> rows_of(const fs::path& folder) {
  const Store store = Store::open(folder);
  std::vector<std::string> patients;
  store.each(Columns::all, [&](const Timeline& timeline) {
    std::vector<std::string> lines;
    for (const Event& event : timeline.events()) {
      std::string text;
      text += event.time ? format_time(*event.time) : "-";
      text += event.occurred ? " " + format_time(*event.occurred) : " -";
      text += " " + std::string(store.codes().name(event.code)) + " ";
      text += event.number ? std::to_string(*event.number) : "-";
      lines.push_back(text + " " + std::string(event.unit) + "\n");
    }
    std::sort(lines.begin(), lines.end());  // events of one moment have no order
    patients.push_back(join(lines, ""));
  });
  std::sort(patients.begin(), patients.end());
  return patients;
}

class SynthesizeTest : public ::testing::Test {
 protected:
  SynthesizeReply make(const std::string& name, const std::string& format, std::size_t threads) {
    SynthesizeRequest request;
    request.patients = 40;
    request.seed = 5;
    request.format = format;
    request.into = folder_.path() / name;
    request.threads = threads;
    return synthesize(request);
  }
  TempFolder folder_;
};

TEST_F(SynthesizeTest, TheStoreIsWhatAnImportOfTheFhirFilesGives) {
  make("store", "meds", 1);
  make("fhir", "fhir", 2);
  ImportRequest request;
  request.format = "fhir";
  request.source.path = folder_.path() / "fhir";
  request.store = folder_.path() / "imported";
  const ImportReply reply = import_data(request);
  EXPECT_EQ(reply.tally.rejected, 0u);
  EXPECT_EQ(reply.tally.skipped, 0u);
  const auto made = rows_of(folder_.path() / "store"), read = rows_of(request.store);
  ASSERT_EQ(made.size(), read.size());
  for (std::size_t i = 0; i < made.size(); ++i) ASSERT_EQ(made[i], read[i]);
  EXPECT_TRUE(Store::open(request.store).inventory().synthetic);
}

TEST_F(SynthesizeTest, TheSameDigestWithAnyNumberOfThreads) {
  make("one", "meds", 1);
  make("four", "meds", 4);
  EXPECT_EQ(Store::open(folder_.path() / "one").digest(),
            Store::open(folder_.path() / "four").digest());
  EXPECT_TRUE(Store::open(folder_.path() / "one").inventory().synthetic);
}

TEST_F(SynthesizeTest, AFolderThatExistsIsLeftAlone) {
  fs::create_directories(folder_.path() / "real");
  EXPECT_THROW(make("real", "meds", 1), Error);
  EXPECT_TRUE(fs::is_empty(folder_.path() / "real"));
  EXPECT_FALSE(fs::exists(folder_.path() / "real.part"));
}

}  // namespace
}  // namespace cangong
