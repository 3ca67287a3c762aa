#include "base/time.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace cangong {
namespace {

const Zone kUtc;

std::string first(std::string_view text, const Zone& zone = kUtc) {
  const auto moment = parse_moment(text, zone);
  return moment ? format_time(moment->first) : "none";
}

std::string last(std::string_view text, const Zone& zone = kUtc) {
  const auto moment = parse_moment(text, zone);
  return moment ? format_time(moment->last) : "none";
}

TEST(Time, PartialDatesCoverTheirInterval) {
  EXPECT_EQ(first("2020"), "2020-01-01T00:00:00Z");
  EXPECT_EQ(last("2020"), "2020-12-31T23:59:59.999999Z");
  EXPECT_EQ(last("2020-02"), "2020-02-29T23:59:59.999999Z");
  EXPECT_EQ(last("2020-12"), "2020-12-31T23:59:59.999999Z");
  EXPECT_EQ(last("2020-03-01"), "2020-03-01T23:59:59.999999Z");
}

TEST(Time, OffsetsAndZones) {
  EXPECT_EQ(first("2020-03-01T08:00:00+08:00"), "2020-03-01T00:00:00Z");
  EXPECT_EQ(first("2020-03-01T08:00:00.5-05:00"), "2020-03-01T13:00:00.500000Z");
  EXPECT_EQ(first("2020-03-01T08:00:00", Zone("Asia/Shanghai")), "2020-03-01T00:00:00Z");
  EXPECT_EQ(first("2020-07-01", Zone("America/New_York")), "2020-07-01T04:00:00Z");
  EXPECT_EQ(first("2020-03-01 08:00", Zone("+0530")), "2020-03-01T02:30:00Z");
  EXPECT_THROW(Zone("Mars/Olympus"), Error);
}

TEST(Time, DaylightSavingGapsAndOverlaps) {
  const Zone zone("America/New_York");
  EXPECT_EQ(first("2021-11-07T01:30:00", zone), "2021-11-07T05:30:00Z");  // the earlier one
  EXPECT_EQ(first("2021-03-14T02:30:00", zone), "2021-03-14T07:00:00Z");  // never occurs
}

TEST(Time, RefusesWhatIsNotADate) {
  for (const char* text : {"", "20", "2020-13", "2020-02-30", "2020-1-1", "0000-01-01",
                           "2020-01-01T", "2020-01-01T25:00", "2020-01-01T10:00:00X",
                           "2020-01-01T10:00:00+99:00", "2020-01-01T24:00:01", "not a date"})
    EXPECT_EQ(first(text), "none") << text;
  EXPECT_EQ(first("2020-01-01T24:00:00"), "2020-01-02T00:00:00Z");
  EXPECT_EQ(first("0001-01-01"), "0001-01-01T00:00:00Z");
}

TEST(Time, ByPattern) {
  const auto moment = parse_moment("12/1/1989 12:03", "%m/%d/%Y %H:%M", kUtc);
  ASSERT_TRUE(moment);
  EXPECT_EQ(format_time(moment->first), "1989-12-01T12:03:00Z");
  EXPECT_FALSE(parse_moment("1989-12-01", "%m/%d/%Y", kUtc));
}

TEST(Time, Durations) {
  const auto seconds = [](std::string_view text) {
    const auto d = parse_duration(text);
    return d ? static_cast<double>(d->count()) / 1e6 : -1.0;
  };
  EXPECT_EQ(seconds("24h"), 86400);
  EXPECT_EQ(seconds("30 days"), 30 * 86400);
  EXPECT_EQ(seconds("1 day, 14:20:16"), 86400 + 14 * 3600 + 20 * 60 + 16);
  EXPECT_EQ(seconds("1w 2.5d"), 9.5 * 86400);
  EXPECT_EQ(seconds("1 hour 30 minutes"), 5400);
  EXPECT_EQ(seconds("0h"), 0);
  for (const char* bad : {"", ".", "1..2h", ":", "h", "5", "3 fortnights", "1:2:3:4:5", "-1h"})
    EXPECT_EQ(seconds(bad), -1) << bad;
  EXPECT_EQ(format_duration(*parse_duration("48h")), "2d");
}

}  // namespace
}  // namespace cangong
