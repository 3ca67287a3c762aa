// What a model of timelines foretells for one record: many futures, told code by code and year by
// year, and the past events that the present rates hang on.
#pragma once

#include <array>

#include "engine/foundation.h"

namespace cangong {

struct ComingCode {
  std::string code;
  double yearly_rate = 0;               // right now
  double share = 0, low = 0, high = 0;  // of futures that have it; 95 % by the drawing alone
  std::vector<double> by;               // the same by each of Outlook::years
  // Rates summed up, or where most have it futures counted, with Wilson's interval (Expected).
  bool is_counted = false;
};

struct Outlook {
  double age_years = 0;
  std::vector<double> years;      // from the question on, the first 0, the last its end
  std::vector<ComingCode> codes;  // by falling share
  std::vector<double> alive;      // share of futures, by year
  // Events of a future until each year: the quantiles .05, .25, .5, .75, .95.
  std::vector<std::array<double, 5>> events;
  std::size_t futures = 0, cut = 0;
};

struct Drawing {
  std::uint64_t seed = 1;
  std::size_t threads = 1;
  std::size_t most = 200;  // codes that are told
};
Outlook outlook(const TimelineModel& model, FutureRequest request, const Drawing& drawing);

// The rate of any of these codes right now, with each past event to without it: exact. By how far
// that is from 1; `most` are told. What cannot happen again cannot in either. Sexes and other facts
// of birth are left in: nobody is without one.
std::vector<PastEvent> driving_events(const TimelineModel& model, const FutureRequest& request,
                                      const std::vector<std::int32_t>& outcomes,
                                      std::size_t threads, std::size_t most = 20);

// The same rate shared among all past events, by so many orders. Nothing where none of the outcomes
// can happen any more.
std::optional<SharedRate> shared_rate(const TimelineModel& model, const FutureRequest& request,
                                      const std::vector<std::int32_t>& outcomes,
                                      std::size_t orders, std::size_t threads);

}  // namespace cangong
