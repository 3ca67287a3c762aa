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

// A code in two units for some patients, in one for others' tests; values of a unit never leak.
struct Units {
  TempFolder folder;
  fs::path path = folder.path() / "s";
  Units() {
    StoreWriter writer(path, {});
    const auto add = [&](int patient, const char* code, std::optional<Time> time, float number,
                         const char* unit) {
      Event event;
      event.code = writer.codes().intern(code);
      event.time = time, event.number = number, event.unit = unit;
      writer.add(PatientId(patient), event);
    };
    add(1, "TWO", at(1), 5.f, "mg"), add(1, "TWO", at(2), 70.f, "mmol"),
        add(1, "TWO", at(3), 6.f, "mg");
    add(1, "ONE", at(1), 2.f, "mg"), add(2, "ONE", at(1), 3.f, "mg");
    add(2, "TWO", at(2), 80.f, "mmol");
    add(3, "ONE", at(1), 900.f, "mmol");  // not of the training
    writer.commit();
  }
};

WindowedEncoder named(const Store& store, std::vector<FeatureOptions> features) {
  WindowedOptions options;
  options.features = std::move(features);
  WindowedEncoder encoder(options);
  encoder.fit(StoreHistories(store, {{PatientId(1), at(9), true}, {PatientId(2), at(9), true}}));
  return encoder;
}

FeatureOptions feature(const char* code, Aggregate aggregate,
                       std::optional<std::string> unit = std::nullopt, const char* window = "all") {
  FeatureOptions one;
  one.code = code, one.aggregate = aggregate, one.unit = std::move(unit), one.window = window;
  return one;
}

// What stands in each column, in their order; nothing where the row has no entry.
std::vector<std::optional<float>> cells_of(const Store& store, const WindowedEncoder& encoder,
                                           int patient) {
  std::vector<Entry> entries;
  encoder.session(store.codes())->encode(store.patient(PatientId(patient)).until(at(9)), entries);
  std::vector<std::optional<float>> cells(encoder.columns().size());
  for (const Entry& e : entries) cells[e.column] = e.value;
  return cells;
}

TEST(EncoderWindowed, NamedFeaturesKeepTheirOrderAndTheirUnits) {
  using Cells = std::vector<std::optional<float>>;
  const Units units;
  const Store store = Store::open(units.path);
  const auto last = feature("TWO", Aggregate::last, "mg"),
             count = feature("TWO", Aggregate::count, "mg");
  const auto first = named(store, {last, count}), second = named(store, {count, last});
  EXPECT_EQ(cells_of(store, first, 1), (Cells{6.f, 2.f}));
  EXPECT_EQ(cells_of(store, second, 1), (Cells{2.f, 6.f}));
  EXPECT_EQ(cells_of(store, first, 2), Cells(2));  // mmol only
  const auto one = feature("ONE", Aggregate::last), how_often = feature("ONE", Aggregate::count);
  const auto third = named(store, {one, how_often}), fourth = named(store, {how_often, one});
  EXPECT_EQ(cells_of(store, third, 1), (Cells{2.f, 1.f}));
  EXPECT_EQ(cells_of(store, third, 3), (Cells{std::nullopt, 1.f}));  // 900 mmol are no mg
  EXPECT_EQ(cells_of(store, fourth, 3), (Cells{1.f, std::nullopt}));
  const auto again = WindowedEncoder::load(fourth.save());
  EXPECT_EQ(cells_of(store, *again, 1), (Cells{1.f, 2.f}));
}

TEST(EncoderWindowed, NamedFeaturesThatSayNothingAreRefused) {
  const Units units;
  const Store store = Store::open(units.path);
  const auto refusal = [&](const FeatureOptions& one) -> std::string {
    try {
      (void)named(store, {one});
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(refusal(feature("TWO", Aggregate::last)).find("several units"), std::string::npos);
  EXPECT_NE(refusal(feature("TWO", Aggregate::count)).find("for counts too"), std::string::npos);
  EXPECT_NE(refusal(feature("ONE", Aggregate::last, "g")).find("never recorded"),
            std::string::npos);
  EXPECT_NE(refusal(feature("ONE", Aggregate::max, std::nullopt, "")).find("window"),
            std::string::npos);
  EXPECT_NE(refusal(feature("ONCE", Aggregate::last)).find("no code"), std::string::npos);
}

}  // namespace
}  // namespace cangong
