#include "encode/visits.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "timeline/store_writer.h"

namespace cangong {
namespace {

Time hour(double n) {
  return Time(Duration(std::llround(n * 3600e6)));
}

// Two visits a day apart; the later one has two values of LAB, one in a rarer unit.
struct Ward {
  TempFolder folder;

  Store store() const {
    StoreWriter writer(folder.path() / "store", {1 << 24, "test"});
    const auto add = [&](std::int64_t patient, const char* code, double when,
                         std::optional<float> number, const char* unit) {
      Event event;
      event.code = writer.codes().intern(code);
      event.time = hour(when), event.number = number, event.unit = unit;
      writer.add(PatientId(patient), event);
    };
    for (std::int64_t patient = 1; patient <= 2; ++patient) {
      add(patient, "LAB", 10, 1.0f, "mg/dL");
      add(patient, "DRUG", 10, std::nullopt, "");
      add(patient, "DRUG", 11, std::nullopt, "");
      add(patient, "LAB", 40, 2.0f, "mg/dL");
      add(patient, "LAB", 41, 3.0f, "mg/dL");
      add(patient, "LAB", 42, 50.0f, "umol/L");
    }
    add(3, "OTHER", 10, std::nullopt, "");
    writer.commit();
    return Store::open(folder.path() / "store");
  }
};

VisitOptions options() {
  VisitOptions o;
  o.keep = 3, o.min_patients = 2;
  return o;
}

TEST(VisitEncoderTest, TheLatestVisitComesFirstAndAbsentOnesAreMissing) {
  const Ward ward;
  const Store store = ward.store();
  VisitEncoder encoder(options());
  std::vector<LabelRow> rows{{PatientId(1), hour(48), true}, {PatientId(2), hour(48), false}};
  encoder.fit(StoreHistories(store, rows));
  const auto& columns = encoder.columns();
  ASSERT_EQ(columns.size(), 9u);  // three visits: when, DRUG, LAB
  EXPECT_EQ(columns[0].name(), "VISIT | time_since | visit -1");
  EXPECT_EQ(columns[1].name(), "DRUG | count | visit -1");
  EXPECT_EQ(columns[5].name(), "LAB | last | visit -2");
  EXPECT_EQ(encoder.layout().channels, 3u);
  const Matrix x = dense(encode(encoder, StoreHistories(store, rows), 1), columns);
  EXPECT_NEAR(x.at(0, 0), 7 / 24.0, 1e-6);  // in the common unit
  EXPECT_EQ(x.at(0, 1), 0);
  EXPECT_EQ(x.at(0, 2), 3);
  EXPECT_NEAR(x.at(0, 3), 37 / 24.0, 1e-6);
  EXPECT_EQ(x.at(0, 4), 2);
  EXPECT_EQ(x.at(0, 5), 1);
  EXPECT_TRUE(std::isnan(x.at(0, 6)));
  EXPECT_EQ(x.at(0, 7), 0);
  EXPECT_TRUE(std::isnan(x.at(0, 8)));
}

TEST(VisitEncoderTest, ColumnsPointAtTheirEvents) {
  const Ward ward;
  const Store store = ward.store();
  VisitEncoder encoder(options());
  encoder.fit(
      StoreHistories(store, {{PatientId(1), hour(48), true}, {PatientId(2), hour(48), true}}));
  const auto again = VisitEncoder::load(encoder.save());
  EXPECT_EQ(again->save(), encoder.save());
  const Timeline timeline = store.patient(PatientId(1));
  const History history = timeline.until(hour(48));
  const auto session = again->session(store.codes());
  ASSERT_EQ(session->origin(history, 2).size(), 1u);
  EXPECT_EQ(*history.events()[session->origin(history, 2)[0]].number, 3);
  EXPECT_EQ(session->origin(history, 4).size(), 2u);  // both doses of the visit before
  EXPECT_TRUE(session->origin(history, 7).empty());
}

TEST(VisitEncoderTest, WithoutACodeThereAreNoVisits) {
  const Ward ward;
  const Store store = ward.store();
  VisitOptions none = options();
  none.include = {"^NOTHING"};
  VisitEncoder encoder(none);
  encoder.fit(StoreHistories(store, {{PatientId(1), hour(48), true}}));
  EXPECT_TRUE(encoder.columns().empty());
  EXPECT_EQ(encoder.layout().steps, 0u);
}

TEST(VisitEncoderTest, WrongOptionsAreRefused) {
  VisitOptions wrong = options();
  wrong.step = "soon";
  EXPECT_THROW(VisitEncoder{wrong}, Error);
  wrong = options();
  wrong.keep = 100000;
  EXPECT_THROW(VisitEncoder{wrong}, Error);
}

}  // namespace
}  // namespace cangong
