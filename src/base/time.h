// Instants and lengths of time: UTC microseconds throughout.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace cangong {

using Duration = std::chrono::microseconds;
using Time = std::chrono::sys_time<Duration>;

// As files and databases keep an instant: microseconds since 1970 in UTC.
inline std::int64_t microseconds_of(Time time) {
  return time.time_since_epoch().count();
}
inline std::optional<std::int64_t> microseconds_of(const std::optional<Time>& time) {
  return time ? std::optional(microseconds_of(*time)) : std::nullopt;
}
inline Time time_at(std::int64_t microseconds) {
  return Time(Duration(microseconds));
}

// A written date covers an interval: "2020-03" runs from its first to its last microsecond.
struct Moment {
  Time first;
  Time last;
};

// Where local times without an offset come from: "UTC", "+08:00" or a name such as "Asia/Shanghai".
class Zone {
 public:
  // Throws Fault::config for an unknown name.
  explicit Zone(std::string_view name = "UTC");
  // A local time that occurs twice (autumn) is the earlier one; one that never occurs (spring) is
  // moved forward, as ISO C does.
  Time to_utc(std::chrono::local_time<Duration> local) const;

 private:
  Duration offset_{0};
  const void* rules_ = nullptr;  // a time zone of the system's database, which outlives us
};

// ISO 8601 and FHIR dateTime: YYYY, YYYY-MM, YYYY-MM-DD, with "T" or a blank and hh:mm[:ss[.f]] and
// an offset or "Z". Nothing for anything else. A leap second (":60") is the next minute.
std::optional<Moment> parse_moment(std::string_view text, const Zone& zone);

// Throws Fault::config where the pattern has a field that is not one of %Y %y %m %d %H %M %S.
void check_time_pattern(std::string_view pattern);
// By such a pattern, as strptime; nothing where the text does not fit.
std::optional<Moment> parse_moment(std::string_view text, std::string_view pattern,
                                   const Zone& zone);

// "2020-03-01T12:00:00Z", with microseconds only where they are not zero.
std::string format_time(Time time);

// "24h", "30 days", "1 day, 14:20:16", "1w 2.5d"; nothing for anything else (pytimeparse's forms).
std::optional<Duration> parse_duration(std::string_view text);

// The shortest exact form with one unit: "36h", "7d", "90s".
std::string format_duration(Duration duration);

// Days between two instants, as a real number.
inline double days_between(Time from, Time to) {
  return static_cast<double>((to - from).count()) / 86400e6;
}

// Years of 365.25 days.
inline double years_between(Time from, Time to) {
  return days_between(from, to) / 365.25;
}

}  // namespace cangong
