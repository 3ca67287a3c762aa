#include "timeline/live_record.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/error.h"
#include "base/test_database.h"

namespace cangong {
namespace {

Time day(int n) {
  return Time(std::chrono::days(n));
}

struct Hall {
  TestDatabase live;
  DatabasePool pool{live.at()};
  Hall() {
    pool.read([](Database& db) { LiveRecord::prepare(db); });
  }
  LiveRecord::Written put(const Incoming& incoming, Time now) {
    LiveRecord::Written written;
    pool.write([&](Database& db) { written = LiveRecord(db).put(incoming, now); });
    return written;
  }
  std::vector<LiveEvent> events(PatientId patient) {
    std::vector<LiveEvent> all;
    pool.read([&](Database& db) { all = LiveRecord(db).events(patient); });
    return all;
  }
  std::vector<float> numbers(PatientId patient, Time cutoff) {
    const Timeline timeline = assemble(patient, nullptr, events(patient));
    const History history = timeline.until(cutoff);
    std::vector<float> all;
    for (const Event& event : history.events()) all.push_back(event.number.value_or(-1));
    return all;
  }
};

Incoming lab(const std::string& id, float value, Time when) {
  Incoming incoming;
  incoming.type = "Observation", incoming.id = id;
  incoming.rest = "\"valueQuantity\":{\"value\":" + std::to_string(value) + "}";
  incoming.patient = PatientId(7);
  incoming.date = when;
  incoming.terms = {{"code", "http://loinc.org|1"}, {"code", "1"}};
  LiveEvent event;
  event.time = when, event.code = "LOINC//1", event.number = value, event.unit = "mg/dL";
  incoming.events = {event};
  return incoming;
}

TEST(LiveRecord, ShowsTheVersionThatHeldAtTheCutoff) {
  Hall hall;
  hall.put(lab("a", 1, day(10)), day(11));
  hall.put(lab("a", 2, day(10)), day(20));  // a correction, known on day 20
  hall.pool.write([](Database& db) { LiveRecord(db).remove("Observation", "a", day(30)); });
  using Numbers = std::vector<float>;
  EXPECT_EQ(hall.numbers(PatientId(7), day(9)), Numbers());
  EXPECT_EQ(hall.numbers(PatientId(7), day(10)), Numbers{1});
  EXPECT_EQ(hall.numbers(PatientId(7), day(19)), Numbers{1});
  EXPECT_EQ(hall.numbers(PatientId(7), day(20)), Numbers{2});
  EXPECT_EQ(hall.numbers(PatientId(7), day(29)), Numbers{2});
  EXPECT_EQ(hall.numbers(PatientId(7), day(30)), Numbers());
}

TEST(LiveRecord, CorrectedStaticFactsHaveVersionsToo) {
  Hall hall;
  Incoming patient = lab("p", 1, day(0));
  patient.type = "Patient";
  patient.events[0].time = std::nullopt, patient.events[0].code = "GENDER//male";
  hall.put(patient, day(1));
  patient.rest = "\"gender\":\"female\"", patient.events[0].number = 2;
  hall.put(patient, day(20));
  EXPECT_EQ(hall.numbers(PatientId(7), day(19)), std::vector<float>{1});
  EXPECT_EQ(hall.numbers(PatientId(7), day(20)), std::vector<float>{2});
}

TEST(LiveRecord, TheSameAgainChangesNothing) {
  Hall hall;
  const auto first = hall.put(lab("a", 1, day(10)), day(11));
  const auto again = hall.put(lab("a", 1, day(10)), day(12));
  EXPECT_TRUE(first.created);
  EXPECT_FALSE(again.changed);
  EXPECT_EQ(again.kept.version, 1);
  EXPECT_EQ(again.kept.body, first.kept.body);
  EXPECT_EQ(hall.events(PatientId(7)).size(), 1u);
}

TEST(LiveRecord, KeepsEveryVersion) {
  Hall hall;
  hall.put(lab("a", 1, day(10)), day(11));
  hall.put(lab("a", 2, day(10)), day(11));  // the clock stood still
  hall.pool.read([](Database& db) {
    LiveRecord live(db);
    const auto history = live.history("Observation", "a");
    ASSERT_EQ(history.size(), 2u);
    EXPECT_EQ(history[0].version, 2);
    EXPECT_GT(history[0].updated, history[1].updated);
    EXPECT_NE(live.version("Observation", "a", 1)->body.find("1.0"), std::string::npos);
    EXPECT_FALSE(live.version("Observation", "a", 3));
  });
}

TEST(LiveRecord, SearchFindsByCodeDateAndPatient) {
  Hall hall;
  for (int i = 0; i < 10; ++i)
    hall.put(lab("a" + std::to_string(i), static_cast<float>(i), day(i)), day(20 + i));
  hall.pool.read([](Database& db) {
    LiveRecord live(db);
    Wanted wanted;
    wanted.type = "Observation", wanted.terms = {{"code", "http://loinc.org|1"}};
    wanted.from = day(3), wanted.until = day(8), wanted.most = 2;
    EXPECT_EQ(live.count(wanted), 5u);
    const auto found = live.search(wanted);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].id, "a7");
    wanted.terms[0].text = "http://loinc.org|2";
    EXPECT_EQ(live.count(wanted), 0u);
    wanted.terms.clear(), wanted.patient = PatientId(8);
    EXPECT_EQ(live.count(wanted), 0u);
  });
}

TEST(Database, AWriteThatThrowsLeavesNothingAndSparesOthers) {
  Hall hall;
  std::vector<std::thread> threads;
  std::atomic<int> refused = 0;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      for (int k = 0; k < 20; ++k) {
        const Incoming one = lab("t" + std::to_string(100 * i + k), 1, day(1));
        try {
          hall.pool.write([&](Database& db) {
            LiveRecord(db).put(one, day(2));
            if (k % 4 == 0) fail(Fault::input, "no");
          });
        } catch (const Error&) {
          ++refused;
        }
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(refused, 8 * 5);
  EXPECT_EQ(hall.events(PatientId(7)).size(), 8u * 15);
}

// Connections open and close while others read and write.
TEST(Database, ManyConnectionsDoNotDisturbEachOther) {
  Hall hall;
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      for (int k = 0; k < 60; ++k) try {
          Database own(hall.live.at());
          hall.put(lab("c" + std::to_string(100 * i + k), 1, day(1)), day(2));
          hall.events(PatientId(7));
        } catch (const Error&) {
          ++failures;
        }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(hall.events(PatientId(7)).size(), 480u);
}

TEST(Assemble, PutsBulkAndLiveInOrder) {
  CodeBook codes;
  std::vector<Event> old(2);
  old[0].time = day(1), old[0].code = codes.intern("unused"), old[0].code = codes.intern("A");
  old[1].time = day(3), old[1].code = codes.intern("B");
  const Timeline bulk(PatientId(1), old, codes, nullptr);
  LiveEvent birth, between;
  birth.code = "GENDER//female";
  between.time = day(2), between.code = "B", between.text = "note";
  const Timeline timeline = assemble(PatientId(1), &bulk, {between, birth});
  std::vector<std::string> names;
  for (const Event& event : timeline.events()) names.push_back(timeline.codes().name(event.code));
  EXPECT_EQ(names, (std::vector<std::string>{"GENDER//female", "A", "B", "B"}));
  EXPECT_EQ(timeline.events()[2].text, "note");
  EXPECT_EQ(timeline.codes().size(), 3u);
}

TEST(LiveRecord, AnOlderLayoutIsBroughtForward) {
  const TestDatabase database;
  {
    Database old(database.at());
    LiveRecord::prepare(old);
    old.script(
        "ALTER TABLE event DROP COLUMN description;"
        "ALTER TABLE code ADD COLUMN description TEXT NOT NULL DEFAULT '';"
        "INSERT INTO code VALUES(1, 'A', 'what somebody said');"
        "INSERT INTO resource VALUES(1, 'Observation', 'o', 1, 0, 7, 0, 0, 1, '', '');"
        "INSERT INTO event VALUES(7, 5, NULL, 1, 2.5, '', '', 1, NULL, NULL);"
        "UPDATE schema_version SET version = 1;");
  }
  Database now(database.at());
  LiveRecord::prepare(now);
  LiveRecord::prepare(now);
  const auto events = LiveRecord(now).events(PatientId(7));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].code, "A");
  EXPECT_EQ(events[0].number, 2.5f);
  EXPECT_EQ(events[0].description, "");
}

}  // namespace
}  // namespace cangong
