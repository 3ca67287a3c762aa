#include "base/time.h"

#include <date/tz.h>

#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "base/text.h"

namespace cangong {
namespace {

using namespace std::chrono_literals;

// Reads exactly `digits` digits at the front of `text` and drops them.
std::optional<int> take_digits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take_char(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

struct Civil {
  int year = 1, month = 1, day = 1, hour = 0, minute = 0, second = 0;
  std::int64_t fraction_us = 0;
};

std::optional<std::chrono::local_time<Duration>> to_local(const Civil& c) {
  const std::chrono::year_month_day date{std::chrono::year(c.year),
                                         std::chrono::month(static_cast<unsigned>(c.month)),
                                         std::chrono::day(static_cast<unsigned>(c.day))};
  if (!date.ok() || c.hour > 24 || c.minute > 59 || c.second > 60) return std::nullopt;
  if (c.hour == 24 && (c.minute || c.second || c.fraction_us)) return std::nullopt;
  return std::chrono::local_days(date) + std::chrono::hours(c.hour) +
         std::chrono::minutes(c.minute) + std::chrono::seconds(c.second) + Duration(c.fraction_us);
}

// "Z", "+08:00", "-0530", "+08"; nothing if the text is not an offset.
std::optional<Duration> parse_offset(std::string_view text) {
  if (text == "Z" || text == "z") return Duration(0);
  const bool minus = take_char(text, '-');
  if (!minus && !take_char(text, '+')) return std::nullopt;
  const auto hours = take_digits(text, 2);
  if (!hours || *hours > 18) return std::nullopt;
  take_char(text, ':');
  int minutes = 0;
  if (!text.empty()) {
    const auto read = take_digits(text, 2);
    if (!read || *read > 59 || !text.empty()) return std::nullopt;
    minutes = *read;
  }
  const Duration offset = std::chrono::hours(*hours) + std::chrono::minutes(minutes);
  return minus ? -offset : offset;
}

std::optional<Moment> whole(const Civil& c, Duration length, const Zone& zone) {
  const auto local = to_local(c);
  if (!local) return std::nullopt;
  return Moment{zone.to_utc(*local), zone.to_utc(*local + length) - Duration(1)};
}

std::optional<Moment> whole_month(const Civil& c, const Zone& zone) {
  const auto from = to_local(c);
  Civil next = c;
  next.month = c.month % 12 + 1;
  next.year = c.year + (c.month == 12 ? 1 : 0);
  const auto to = to_local(next);
  if (!from || !to) return std::nullopt;
  return Moment{zone.to_utc(*from), zone.to_utc(*to) - Duration(1)};
}

std::optional<Moment> whole_year(const Civil& c, const Zone& zone) {
  Civil next = c;
  next.year = c.year + 1;
  const auto from = to_local(c), to = to_local(next);
  if (!from || !to) return std::nullopt;
  return Moment{zone.to_utc(*from), zone.to_utc(*to) - Duration(1)};
}

// Seconds with an optional fraction; `c` keeps microseconds, further digits are cut.
bool take_seconds(std::string_view& text, Civil& c) {
  const auto second = take_digits(text, 2);
  if (!second) return false;
  c.second = *second;
  if (!take_char(text, '.') && !take_char(text, ',')) return true;
  std::int64_t scale = 100000;
  std::size_t digits = 0;
  while (!text.empty() && std::isdigit(static_cast<unsigned char>(text.front()))) {
    c.fraction_us += scale * (text.front() - '0');
    scale /= 10;
    ++digits;
    text.remove_prefix(1);
  }
  return digits > 0;
}

std::optional<Moment> instant(const Civil& c, std::optional<Duration> offset, const Zone& zone) {
  const auto local = to_local(c);
  if (!local) return std::nullopt;
  const Time at = offset ? Time(local->time_since_epoch() - *offset) : zone.to_utc(*local);
  return Moment{at, at};
}

struct UnitName {
  std::string_view name;
  double seconds;
};

constexpr std::array<UnitName, 22> kUnits{
    {{"w", 604800}, {"wk", 604800}, {"wks", 604800}, {"week", 604800}, {"weeks", 604800},
     {"d", 86400},  {"day", 86400}, {"days", 86400}, {"h", 3600},      {"hr", 3600},
     {"hrs", 3600}, {"hour", 3600}, {"hours", 3600}, {"m", 60},        {"min", 60},
     {"mins", 60},  {"minute", 60}, {"minutes", 60}, {"s", 1},         {"sec", 1},
     {"second", 1}, {"seconds", 1}}};

// "14:20:16", "2:04", "1:02:03:04" (days first); nothing without a colon.
std::optional<double> clock_seconds(std::string_view text) {
  constexpr std::array<double, 4> scale{1, 60, 3600, 86400};
  std::array<double, 4> parts{};
  std::size_t count = 0;
  std::string part;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != ':') {
      if (!std::isdigit(static_cast<unsigned char>(text[i])) && text[i] != '.') return std::nullopt;
      part += text[i];
      continue;
    }
    const auto number = parse_number(part);
    if (!number || count == parts.size()) return std::nullopt;
    parts[count++] = *number;
    part.clear();
  }
  if (count < 2) return std::nullopt;
  double total = 0;
  for (std::size_t i = 0; i < count; ++i) total += parts[i] * scale[count - 1 - i];
  return total;
}

}  // namespace

Zone::Zone(std::string_view name) {
  if (name == "UTC" || name.empty()) return;
  if (const auto offset = parse_offset(name)) {
    offset_ = *offset;
    return;
  }
  try {
    rules_ = date::locate_zone(std::string(name));
  } catch (const std::exception&) {
    fail(Fault::config,
         "unknown time zone \"" + std::string(name) +
             "\"; use UTC, an offset such as +08:00 or a name such as Asia/Shanghai");
  }
}

Time Zone::to_utc(std::chrono::local_time<Duration> local) const {
  if (!rules_) return Time(local.time_since_epoch() - offset_);
  const auto* zone = static_cast<const date::time_zone*>(rules_);
  const date::local_time<Duration> there(local.time_since_epoch());
  return Time(zone->to_sys(there, date::choose::earliest).time_since_epoch());
}

std::optional<Moment> parse_moment(std::string_view text, const Zone& zone) {
  Civil c;
  const auto year = take_digits(text, 4);
  if (!year || *year < 1) return std::nullopt;
  c.year = *year;
  if (text.empty()) return whole_year(c, zone);
  if (!take_char(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || *month < 1 || *month > 12) return std::nullopt;
  c.month = *month;
  if (text.empty()) return whole_month(c, zone);
  if (!take_char(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day) return std::nullopt;
  c.day = *day;
  if (text.empty()) return whole(c, 24h, zone);
  if (!take_char(text, 'T') && !take_char(text, ' ')) return std::nullopt;
  const auto hour = take_digits(text, 2);
  if (!hour || !take_char(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute) return std::nullopt;
  c.hour = *hour;
  c.minute = *minute;
  if (take_char(text, ':') && !take_seconds(text, c)) return std::nullopt;
  if (text.empty()) return instant(c, std::nullopt, zone);
  const auto offset = parse_offset(text);
  return offset ? instant(c, offset, zone) : std::nullopt;
}

void check_time_pattern(std::string_view pattern) {
  for (std::size_t at = pattern.find('%'); at != std::string_view::npos;
       at = pattern.find('%', at + 2))
    if (at + 1 == pattern.size() ||
        std::string_view("YymdHMS").find(pattern[at + 1]) == std::string_view::npos)
      fail(Fault::config, "unknown field in the time format; use %Y %y %m %d %H %M %S");
}

std::optional<Moment> parse_moment(std::string_view text, std::string_view pattern,
                                   const Zone& zone) {
  Civil c;
  bool has_clock = false;
  const auto number = [&](std::size_t most) -> std::optional<int> {
    std::size_t digits = 0;
    while (digits < most && digits < text.size() &&
           std::isdigit(static_cast<unsigned char>(text[digits])))
      ++digits;
    return digits ? take_digits(text, digits) : std::nullopt;
  };
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      if (!take_char(text, pattern[i])) return std::nullopt;
      continue;
    }
    const char field = ++i < pattern.size() ? pattern[i] : '?';
    const auto value = number(field == 'Y' ? 4 : 2);
    if (!value) return std::nullopt;
    switch (field) {
      case 'Y':
        c.year = *value;
        break;
      case 'y':
        c.year = *value + (*value < 69 ? 2000 : 1900);
        break;
      case 'm':
        c.month = *value;
        break;
      case 'd':
        c.day = *value;
        break;
      case 'H':
        c.hour = *value, has_clock = true;
        break;
      case 'M':
        c.minute = *value;
        break;
      case 'S':
        c.second = *value;
        break;
      default:
        return std::nullopt;
    }
  }
  if (!text.empty()) return std::nullopt;
  return has_clock ? instant(c, std::nullopt, zone) : whole(c, 24h, zone);
}

std::string format_time(Time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::int64_t us = (time - day).count();
  std::array<char, 48> buffer{};
  const int year = static_cast<int>(date.year());
  const auto month = static_cast<unsigned>(date.month()), dom = static_cast<unsigned>(date.day());
  const long long second = us / 1000000;
  std::snprintf(buffer.data(), buffer.size(), "%04d-%02u-%02uT%02lld:%02lld:%02lld", year, month,
                dom, second / 3600, second / 60 % 60, second % 60);
  std::string text = buffer.data();
  if (us % 1000000) {
    std::snprintf(buffer.data(), buffer.size(), ".%06lld", static_cast<long long>(us % 1000000));
    text += buffer.data();
  }
  return text + "Z";
}

std::optional<Duration> parse_duration(std::string_view text) {
  double total = 0;
  bool any = false;
  while (true) {
    while (!text.empty() && (text.front() == ' ' || text.front() == ',')) text.remove_prefix(1);
    if (text.empty()) break;
    const std::size_t token = std::min(text.find_first_of(" ,"), text.size());
    if (const auto clock = clock_seconds(text.substr(0, token))) {
      total += *clock, any = true;
      text.remove_prefix(token);
      continue;
    }
    std::size_t digits = 0;
    while (digits < text.size() &&
           (std::isdigit(static_cast<unsigned char>(text[digits])) || text[digits] == '.'))
      ++digits;
    const auto value = parse_number(text.substr(0, digits));
    if (!value) return std::nullopt;
    text.remove_prefix(digits);
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    std::size_t letters = 0;
    while (letters < text.size() && std::isalpha(static_cast<unsigned char>(text[letters])))
      ++letters;
    const UnitName* unit = nullptr;
    for (const auto& candidate : kUnits)
      if (candidate.name == text.substr(0, letters)) unit = &candidate;
    if (!unit) return std::nullopt;
    text.remove_prefix(letters);
    total += *value * unit->seconds, any = true;
  }
  if (!any || total > 1e11) return std::nullopt;
  return Duration(std::llround(total * 1e6));
}

std::string format_duration(Duration duration) {
  const std::int64_t us = duration.count();
  if (us % 86400000000 == 0) return std::to_string(us / 86400000000) + "d";
  if (us % 3600000000 == 0) return std::to_string(us / 3600000000) + "h";
  if (us % 60000000 == 0) return std::to_string(us / 60000000) + "min";
  if (us % 1000000 == 0) return std::to_string(us / 1000000) + "s";
  return std::to_string(us) + "us";
}

}  // namespace cangong
