#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "../shared_data.h"
#include "base/error.h"
#include "engine/engine.h"
#include "timeline/store.h"

namespace cangong {
namespace {

using DelphiRow = std::array<std::uint32_t, 3>;  // person, age in days, token

class DelphiFolder {
 public:
  DelphiFolder() {
    write("labels.csv", "Padding\nNo event\nFemale\nMale\nBMI_low\nA00 (cholera)\nDeath\n");
  }
  void write(const char* name, const std::string& bytes) {
    std::ofstream(folder_.path() / name, std::ios::binary) << bytes;
  }
  void rows(const char* name, const std::vector<DelphiRow>& rows) {
    write(name,
          std::string(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(DelphiRow)));
  }
  ImportReply read() {
    ImportRequest request;
    request.format = "delphi", request.source.path = folder_.path(), request.store = store();
    request.most_rejected = 0.5;
    return import_data(request);
  }
  fs::path store() const { return folder_.path() / "store"; }
  fs::path path() const { return folder_.path(); }

 private:
  TempFolder folder_;
};

std::vector<std::string> told(const Timeline& timeline) {
  std::vector<std::string> all;
  for (const Event& event : timeline.events())
    all.push_back(std::string(timeline.codes().name(event.code)) + " " +
                  (event.time ? format_time(*event.time).substr(0, 10) : ""));
  return all;
}

TEST(Delphi, AgesBecomeTimesAfterABirth) {
  DelphiFolder folder;
  folder.rows("train.bin",
              {{7, 0, 1}, {7, 365, 4}, {7, 400, 3}, {9, 0, 2}, {9, 30, 77}, {9, 60, 0}});
  folder.rows("val.bin", {{9, 50, 5}, {4, 0, 1}, {4, 4000000000, 4}});
  const ImportReply reply = folder.read();
  EXPECT_EQ(reply.tally.accepted, 6u);
  EXPECT_EQ(reply.tally.rejected, 3u);
  const auto store = Store::open(folder.store());
  EXPECT_EQ(told(store.patient(PatientId(7))),
            (std::vector<std::string>{"MEDS_BIRTH 1900-01-01", "GENDER//F 1900-01-01",
                                      "ICD10//A00 1901-01-01", "BMI//LOW 1901-02-05"}));
  EXPECT_EQ(store.splits(),
            (Splits{{PatientId(4), "tuning"}, {PatientId(7), "train"}, {PatientId(9), "train"}}));
  EXPECT_EQ(told(store.patient(PatientId(9))).back(), "MEDS_DEATH 1900-02-20");
}

TEST(Delphi, WhatIsNoneIsRefused) {
  DelphiFolder folder;
  EXPECT_THROW(folder.read(), Error);  // no data
  folder.write("train.bin", std::string("thirteen bytes"));
  EXPECT_THROW(folder.read(), Error);
  folder.rows("train.bin", {{1, 0, 1}});
  fs::remove(folder.path() / "labels.csv");
  EXPECT_THROW(folder.read(), Error);
  EXPECT_FALSE(fs::exists(folder.store() / "current"));
}

// The counts that the simulated data are known to have (181,293 rows in each file).
TEST(Delphi, SimulatedDataAreReadWhole) {
  NEEDS_SHARED_DATA("delphi-simulated");
  DelphiFolder folder;
  ImportRequest request;
  request.format = "delphi", request.source.path = shared_data() / "delphi-simulated";
  request.store = folder.store();
  const ImportReply reply = import_data(request);
  EXPECT_EQ(reply.tally.accepted, 2u * 181'293);
  EXPECT_EQ(reply.tally.rejected, 0u);
  EXPECT_EQ(reply.tally.subjects, 7'143u + 7'144 - 1);  // one stands in both files
  std::map<std::string, std::size_t> counts;
  const auto store = Store::open(folder.store());
  store.each(Columns::none, [&](const Timeline& timeline) {
    for (const Event& event : timeline.events())
      ++counts[std::string(timeline.codes().name(event.code))];
  });
  EXPECT_EQ(counts["GENDER//F"], 3'639u + 3'661);
  EXPECT_EQ(counts["GENDER//M"], 3'503u + 3'482);
  EXPECT_EQ(counts["MEDS_DEATH"], 1'903u + 1'859);
  EXPECT_EQ(counts["MEDS_BIRTH"], reply.tally.subjects);
}

}  // namespace
}  // namespace cangong
