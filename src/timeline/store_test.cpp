#include "timeline/store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "base/random.h"
#include "timeline/store_writer.h"

namespace cangong {
namespace {

Time day_of(int n) {
  return Time(std::chrono::days(n));
}

Event event(CodeBook& codes, const std::string& code, std::optional<Time> time) {
  Event e;
  e.code = codes.intern(code);
  e.time = time;
  return e;
}

// Reads a whole store as lines of text, in the canonical order.
std::vector<std::string> dump(const Store& store) {
  std::vector<std::string> lines;
  store.each(Columns::all, [&](const Timeline& timeline) {
    for (const Event& e : timeline.events())
      lines.push_back(std::to_string(timeline.patient().for_storage()) + " " +
                      (e.time ? format_time(*e.time) : "static") + " " +
                      store.codes().name(e.code) + " " +
                      (e.number ? std::to_string(*e.number) : "") + " " + std::string(e.unit) +
                      " " + std::string(e.text) + (e.occurred ? format_time(*e.occurred) : ""));
  });
  return lines;
}

void fill(const fs::path& path, std::size_t memory, int rows = 2000) {
  StoreWriter writer(path, {memory, "test"});
  Random random(7);
  for (int i = 0; i < rows; ++i) {
    Event e = event(writer.codes(), "LAB//" + std::to_string(random.below(20)),
                    day_of(static_cast<int>(random.below(900))));
    if (random.below(3)) e.number = static_cast<float>(random.normal());
    if (random.below(2)) e.unit = "mg/dL";
    const std::string text = "note " + std::to_string(i);
    if (i % 5 == 0) e.text = text;
    if (i % 7 == 0) e.time.reset();
    if (i % 4 == 0 && e.time) e.occurred = *e.time - std::chrono::hours(3);
    writer.add(PatientId(random.below(50)), e);
  }
  writer.commit();
}

TEST(Store, RoundTripsInCanonicalOrder) {
  const TempFolder folder;
  fill(folder.path() / "a", 1 << 30);
  const auto lines = dump(Store::open(folder.path() / "a"));
  EXPECT_EQ(lines.size(), 2000u);
}

TEST(Store, MemoryCapChangesNothing) {
  const TempFolder folder;
  fill(folder.path() / "a", 1 << 30);
  fill(folder.path() / "b", 8192);
  const Store a = Store::open(folder.path() / "a"), b = Store::open(folder.path() / "b");
  EXPECT_EQ(dump(a), dump(b));
  EXPECT_EQ(a.digest(), b.digest());
}

TEST(Store, MergingInSeveralPassesChangesNothing) {
  const TempFolder folder;
  fill(folder.path() / "a", 1 << 30, 40'000);
  fill(folder.path() / "b", 1024, 40'000);
  const Store a = Store::open(folder.path() / "a"), b = Store::open(folder.path() / "b");
  EXPECT_EQ(dump(a), dump(b));
  EXPECT_EQ(a.digest(), b.digest());
}

TEST(Store, SecondImportKeepsOldRowsAndTheirOrder) {
  const TempFolder folder;
  const fs::path path = folder.path() / "s";
  for (const char* code : {"FIRST", "SECOND"}) {
    StoreWriter writer(path, {});
    writer.add(PatientId(1), event(writer.codes(), code, day_of(3)));
    if (std::string(code) == "SECOND")
      writer.add(PatientId(2), event(writer.codes(), code, std::nullopt));
    writer.commit();
  }
  const auto lines = dump(Store::open(path));
  ASSERT_EQ(lines.size(), 3u);
  const auto at = [&](const std::string& what) {
    return std::find_if(lines.begin(), lines.end(),
                        [&](const auto& l) { return l.find(what) != std::string::npos; });
  };
  EXPECT_LT(at("1 1970-01-04T00:00:00Z FIRST"), at("1 1970-01-04T00:00:00Z SECOND"));
  EXPECT_EQ(Store::open(path).inventory().subjects(), 2u);
}

// The others' rows stay as they were, and no older generation holds the forgotten ones.
TEST(Store, AForgottenPatientIsInNoFile) {
  const TempFolder folder;
  const fs::path path = folder.path() / "a";
  fill(path, 1 << 30);
  fill(path, 1 << 30);  // a second generation, with the first one kept back
  {
    StoreWriter writer(path, {1 << 20, ""});
    writer.add_splits({{PatientId(7), "train"}, {PatientId(8), "train"}});
    writer.commit();
  }
  const auto before = dump(Store::open(path));
  StoreWriter writer(path, {1 << 20, ""});
  writer.forget(PatientId(7));
  const Inventory inventory = writer.commit();
  const Store store = Store::open(path);
  std::vector<std::string> others;
  std::copy_if(before.begin(), before.end(), std::back_inserter(others),
               [](const std::string& line) { return !line.starts_with("7 "); });
  ASSERT_LT(others.size(), before.size());
  EXPECT_EQ(dump(store), others);
  EXPECT_EQ(inventory.rows(), others.size());
  EXPECT_EQ(inventory.subjects(), 49u);
  EXPECT_FALSE(store.contains(PatientId(7)));
  EXPECT_EQ(store.splits(), (Splits{{PatientId(8), "train"}}));
  const auto generations = std::count_if(
      fs::directory_iterator(path), fs::directory_iterator(),
      [](const auto& entry) { return entry.path().filename().string().starts_with("gen-"); });
  EXPECT_EQ(generations, 1);
}

TEST(Store, OnePatientWithoutReadingAll) {
  const TempFolder folder;
  fill(folder.path() / "a", 1 << 30);
  const Store store = Store::open(folder.path() / "a");
  std::size_t rows = 0;
  for (int i = 0; i < 50; ++i) rows += store.patient(PatientId(i)).events().size();
  EXPECT_EQ(rows, 2000u);
  EXPECT_FALSE(store.contains(PatientId(51)));
  EXPECT_THROW(store.patient(PatientId(51)), Error);
}

TEST(Store, AnAbandonedWriterLeavesTheOldGeneration) {
  const TempFolder folder;
  fill(folder.path() / "a", 1 << 30);
  const Digest before = Store::open(folder.path() / "a").digest();
  {
    StoreWriter writer(folder.path() / "a", {1024, ""});
    for (int i = 0; i < 500; ++i) writer.add(PatientId(1), event(writer.codes(), "NEW", day_of(i)));
  }
  EXPECT_EQ(Store::open(folder.path() / "a").digest(), before);
  for (const auto& entry : fs::directory_iterator(folder.path() / "a"))
    EXPECT_NE(entry.path().extension(), ".part");
}

TEST(Store, AFlippedByteIsNoticed) {
  const TempFolder folder;
  fill(folder.path() / "a", 1 << 30);
  const Store store = Store::open(folder.path() / "a");
  const fs::path file = store.generation() / "data" / "0.parquet";
  std::string bytes = read_file(file);
  bytes[bytes.size() / 3] = static_cast<char>(bytes[bytes.size() / 3] ^ 1);
  std::ofstream(file, std::ios::binary) << bytes;
  EXPECT_THROW(dump(store), Error);
}

TEST(Store, ANewerFormatIsRefused) {
  const TempFolder folder;
  fill(folder.path() / "a", 1 << 30);
  write_file(folder.path() / "a" / "store.json", "{\"format\": 99}\n");
  EXPECT_THROW(Store::open(folder.path() / "a"), Error);
  EXPECT_THROW(StoreWriter(folder.path() / "a", {}), Error);
}

TEST(Timeline, UntilShowsNothingLater) {
  CodeBook codes;
  std::vector<Event> events{event(codes, "SEX//F", std::nullopt), event(codes, "A", day_of(1)),
                            event(codes, "B", day_of(2)), event(codes, "C", day_of(2)),
                            event(codes, "D", day_of(3))};
  const Timeline timeline(PatientId(1), events, codes, nullptr);
  const auto known = [&](Time cutoff) {
    const History history = timeline.until(cutoff);
    return history.events().size();
  };
  EXPECT_EQ(known(day_of(0)), 1u);
  EXPECT_EQ(known(day_of(2)), 4u);
  EXPECT_EQ(known(day_of(2) - Duration(1)), 2u);
}

}  // namespace
}  // namespace cangong
