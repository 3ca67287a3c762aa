#include <gtest/gtest.h>

#include "../shared_data.h"
#include "engine/engine.h"
#include "source/mapping.h"
#include "source/table.h"

namespace cangong {
namespace {

// What `--suggest` says, and what an import with it gives.
struct Suggested {
  TempFolder folder;
  std::string mapping;
  Tally tally;
  fs::path store = folder.path() / "store";

  explicit Suggested(const fs::path& file) { import(file); }
  explicit Suggested(const char* text) : Suggested(std::string(text)) {}
  explicit Suggested(const std::string& text) {
    write_file(folder.path() / "t.csv", text);
    import(folder.path() / "t.csv");
  }

 private:
  void import(const fs::path& file) {
    mapping = suggest_mapping(file);
    write_file(folder.path() / "mapping.yaml", mapping);
    ImportRequest request;
    request.format = "csv";
    request.source.path = file;
    request.source.mapping = folder.path() / "mapping.yaml";
    request.store = store;
    tally = import_data(request).tally;
  }
};

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Suggest, EveryDateBecomesAnEventAtItsOwnTime) {
  const Suggested s(
      "subject_id,birth_date,admit_time,death_time,lab\n"
      "1,1950-01-02,2101-01-01 00:00:00,,4\n2,1960-03-04,2101-01-02 00:00:00,2101-01-05 "
      "00:00:00,5\n");
  EXPECT_TRUE(holds(s.mapping, "time: {column: \"admit_time\"}")) << s.mapping;
  EXPECT_TRUE(holds(s.mapping, "{code: \"MEDS_BIRTH\", time: {column: \"birth_date\"}}"));
  EXPECT_TRUE(holds(s.mapping, "{code: \"MEDS_DEATH\", time: {column: \"death_time\"}}"));
  EXPECT_EQ(s.tally.rejected, 0u);
  EXPECT_EQ(s.tally.events, 5u);
}

TEST(Suggest, KnowsDatesThatAreNotIso) {
  for (const char* date : {"12/31/2020 08:05", "31/12/2020", "31.12.2020", "2020/12/31"}) {
    const Suggested s("id,when,x\n1," + std::string(date) + ",2\n");
    EXPECT_TRUE(holds(s.mapping, "format:")) << s.mapping;
    EXPECT_EQ(s.tally.events, 1u) << date;
  }
  EXPECT_TRUE(holds(Suggested("id,date,x\n1,20201231,2\n").mapping, "%Y%m%d"));
  EXPECT_FALSE(holds(Suggested("id,count,x\n1,20201231,2\n").mapping, "%Y%m%d"));
}

TEST(Suggest, IdentifiersKeepTheirSpelling) {
  const Suggested s("subject_id,time,hr\n007,2020-01-01,72\n7,2020-01-02,80\n");
  EXPECT_EQ(s.tally.subjects, 2u) << s.mapping;
}

TEST(Suggest, AFileWithoutHeaderLosesNoRow) {
  EXPECT_EQ(Suggested("1,2020-01-01,72\n2,2020-01-02,80\n3,2020-01-03,90\n").tally.rows, 3u);
  EXPECT_EQ(Suggested("63.0,1.0,1.0\n67.0,1.0,4.0\n").tally.rows, 2u);  // a cell twice
}

TEST(Suggest, LongTablesGiveOneEventARow) {
  const Suggested s(
      "subject_id,time,code,numeric_value,unit\n1,,SEX//F,,\n1,2020-01-01,LAB//A,4.5,mg/dL\n"
      "1,2020-01-01,VISIT,,\n");
  EXPECT_EQ(s.tally.events, 3u) << s.mapping;
  EXPECT_EQ(s.tally.rejected, 0u);
}

TEST(Suggest, EveryTableOfTheSharedDataComesInWhole) {
  NEEDS_SHARED_DATA("README.md");
  std::size_t tables = 0;
  for (const auto& file : files_below(shared_data())) {
    const std::string path = file.string();
    const bool wanted = is_table(file) && file.extension() != ".parquet" &&
                        file.extension() != ".npz" && !holds(path, "eunomia") &&
                        !holds(path, "golden") && !holds(path, "terminology") &&
                        file.filename() != "empty_shard.csv";
    if (!wanted) continue;
    const Suggested s(file);
    EXPECT_EQ(s.tally.rejected, 0u) << file << "\n" << s.mapping;
    EXPECT_EQ(s.tally.rows, s.tally.accepted) << file;
    EXPECT_GT(s.tally.events, 0u) << file;
    ++tables;
  }
  EXPECT_GT(tables, 15u);
}

}  // namespace
}  // namespace cangong
