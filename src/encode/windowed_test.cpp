#include "encode/windowed.h"

#include <gtest/gtest.h>

#include "timeline/store_writer.h"

namespace cangong {
namespace {

Time at(double hours) {
  return Time(Duration(std::llround(hours * 3600e6)));
}

// One patient with known values, and one to make every column vary.
struct Small {
  TempFolder folder;
  fs::path path = folder.path() / "s";
  Small() {
    StoreWriter writer(path, {});
    const auto add = [&](int patient, const char* code, std::optional<Time> time,
                         std::optional<float> number = std::nullopt) {
      Event event;
      event.code = writer.codes().intern(code);
      event.time = time;
      event.number = number;
      writer.add(PatientId(patient), event);
    };
    add(1, "GENDER//F", std::nullopt);
    add(1, "MEDS_BIRTH", at(-24 * 365.25 * 40));
    add(1, "LAB", at(0), 10.f);
    add(1, "LAB", at(24), 4.f);
    add(1, "LAB", at(48), 8.f);
    add(1, "LAB", at(60), std::nullopt);
    add(1, "DRUG", at(47));
    add(2, "MEDS_BIRTH", at(-24 * 365.25 * 50));
    add(2, "LAB", at(70), 1.f);
    const std::pair<double, float> rest[] = {{10, 3.f}, {30, 7.f}, {50, 2.f}, {65, 6.f}, {70, 5.f}};
    for (const auto& [hours, number] : rest) add(3, "LAB", at(hours), number);
    writer.commit();
  }
};

std::map<std::string, float> row_of(const Store& store, const WindowedEncoder& encoder, int patient,
                                    double hours) {
  std::vector<Entry> entries;
  encoder.session(store.codes())
      ->encode(store.patient(PatientId(patient)).until(at(hours)), entries);
  std::map<std::string, float> row;
  for (const Entry& e : entries) row[encoder.columns()[e.column].name()] = e.value;
  return row;
}

WindowedEncoder fitted(const Store& store) {
  WindowedOptions options;
  options.windows = {"24h", "all"};
  options.aggregates = {Aggregate::last, Aggregate::first, Aggregate::count, Aggregate::min,
                        Aggregate::max,  Aggregate::mean,  Aggregate::slope, Aggregate::time_since};
  options.min_patients = 1;
  WindowedEncoder encoder(options);
  encoder.fit(StoreHistories(store, {{PatientId(1), at(71), true},
                                     {PatientId(2), at(72), true},
                                     {PatientId(1), at(24), true},
                                     {PatientId(1), at(30), true},
                                     {PatientId(1), at(50), true},
                                     {PatientId(2), at(120), true},
                                     {PatientId(3), at(71), true}}));
  return encoder;
}

TEST(EncoderWindowed, KnownAggregates) {
  const Small small;
  const Store store = Store::open(small.path);
  const WindowedEncoder encoder = fitted(store);
  const auto row = row_of(store, encoder, 1, 71);
  const auto value = [&](const std::string& name) {
    return row.contains(name) ? row.at(name) : -99;
  };
  EXPECT_NEAR(value("AGE"), 40 + 71 / 24.0 / 365.25, 1e-4);
  EXPECT_EQ(value("GENDER//F"), 1);
  EXPECT_EQ(value("LAB | count | 24h"), 2);  // hours 48 and 60
  EXPECT_EQ(value("LAB | count | all"), 4);
  EXPECT_EQ(value("LAB | last | all"), 8);
  EXPECT_EQ(value("LAB | first | all"), 10);
  EXPECT_EQ(value("LAB | min | all"), 4);
  EXPECT_EQ(value("LAB | max | 24h"), 8);
  EXPECT_NEAR(value("LAB | mean | all"), 22.0 / 3, 1e-5);
  EXPECT_NEAR(value("LAB | slope | all"), -1, 1e-5);  // 10, 4, 8 on days 0, 1, 2
  EXPECT_NEAR(value("LAB | time_since | all"), 11 / 24.0, 1e-5);
  EXPECT_EQ(value("DRUG | count | 24h"), -99);  // 24 hours and no less: outside
}

TEST(EncoderWindowed, TheWindowIsOpenAtItsBeginning) {
  const Small small;
  const Store store = Store::open(small.path);
  const WindowedEncoder encoder = fitted(store);
  EXPECT_FALSE(row_of(store, encoder, 1, 71).contains("DRUG | count | 24h"));
  EXPECT_TRUE(row_of(store, encoder, 1, 70.9).contains("DRUG | count | 24h"));
  EXPECT_TRUE(row_of(store, encoder, 1, 47).contains("DRUG | count | 24h"));  // at the cutoff
}

TEST(EncoderWindowed, UnitsAreNeverMixed) {
  const TempFolder folder;
  {
    StoreWriter writer(folder.path() / "s", {});
    for (int i = 0; i < 20; ++i) {
      Event event;
      event.code = writer.codes().intern("GLUCOSE");
      event.time = at(i);
      event.number = i % 2 ? 5.f + static_cast<float>(i) : 90.f + static_cast<float>(i);
      event.unit = i % 2 ? "mmol/L" : "mg/dL";
      writer.add(PatientId(i % 5), event);
      event.code = writer.codes().intern("GENE");  // a static number that some lack
      event.time.reset();
      event.unit = "";
      if (i < 3) writer.add(PatientId(i), event);
    }
    writer.commit();
  }
  const Store store = Store::open(folder.path() / "s");
  WindowedOptions options;
  options.windows = {"all"};
  options.aggregates = {Aggregate::last, Aggregate::mean};
  options.min_patients = 1;
  WindowedEncoder encoder(options);
  std::vector<LabelRow> rows;
  for (int i = 0; i < 5; ++i) rows.push_back({PatientId(i), at(30), true});
  encoder.fit(StoreHistories(store, rows));
  const auto row = row_of(store, encoder, 0, 30);  // hours 0, 10 in mg/dL and 5, 15 in mmol/L
  EXPECT_EQ(row.at("GLUCOSE [mg/dL] | mean | all"), 95);
  EXPECT_EQ(row.at("GLUCOSE [mmol/L] | mean | all"), 15);
  EXPECT_EQ(row.at("GLUCOSE [mmol/L] | last | all"), 20);
  bool gene = false;
  for (const Column& column : encoder.columns())
    if (column.code == "GENE") gene = column.missing_when_absent;
  EXPECT_TRUE(gene) << "a static number that is absent is missing, not 0";
  const auto again = WindowedEncoder::load(encoder.save());
  EXPECT_EQ(row_of(store, *again, 0, 30), row);
}

TEST(EncoderWindowed, SavedAndLoadedIsTheSame) {
  const Small small;
  const Store store = Store::open(small.path);
  const WindowedEncoder encoder = fitted(store);
  const auto again = WindowedEncoder::load(encoder.save());
  EXPECT_EQ(again->save(), encoder.save());
  EXPECT_EQ(row_of(store, *again, 1, 60), row_of(store, encoder, 1, 60));
}

TEST(EncoderWindowed, ReasonsPointAtTheEventsBehindAValue) {
  const Small small;
  const Store store = Store::open(small.path);
  const WindowedEncoder encoder = fitted(store);
  const History history = store.patient(PatientId(1)).until(at(71));
  const auto session = encoder.session(store.codes());
  std::size_t checked = 0;
  for (std::size_t j = 0; j < encoder.columns().size(); ++j) {
    const Column& column = encoder.columns()[j];
    const auto origin = session->origin(history, j);
    if (column.name() == "LAB | min | all") {
      ASSERT_EQ(origin.size(), 1u);
      EXPECT_EQ(history.events()[origin[0]].number, 4.f);
      ++checked;
    } else if (column.name() == "LAB | mean | all") {
      EXPECT_EQ(origin.size(), 3u);
      ++checked;
    } else if (column.name() == "LAB | count | all") {
      EXPECT_EQ(origin.size(), 4u);
      ++checked;
    }
  }
  EXPECT_EQ(checked, 3u);
}

}  // namespace
}  // namespace cangong
