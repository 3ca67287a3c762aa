// Signs that the answer, or the future, has leaked into what a model is trained on. Nothing here
// proves a leak; each finding says where to look.
#pragma once

#include <string>
#include <vector>

#include "cohort/label.h"

namespace cangong {

struct Leak {
  std::string kind;              // as in leak_checks()
  std::string what;              // a code, or a fact about the record; never a patient
  std::string english, chinese;  // what it means and what to do
  std::uint64_t count = 0;       // examples or patients that show it
};

struct LeakageReport {
  std::size_t examples = 0, cases = 0;  // looked at
  std::vector<Leak> findings;
};

// Looks at 20,000 examples at most, drawn with `seed`. Cases are the rows whose answer is yes,
// above the middle, or an event. `labeller` holds the task; without one (labels from elsewhere),
// what needs the task's events is not looked for.
struct LeakageInput {
  const Store& store;
  const std::vector<LabelRow>& rows;
  const Labeller* labeller = nullptr;
  std::uint64_t seed = 1;
};
LeakageReport find_leaks(const LeakageInput& input);

// The certificate that goes into a bundle: what was looked for, in what, and what was found.
std::string leakage_json(const LeakageReport& report);
LeakageReport load_leakage(const std::string& json);

// Every kind of check with what it looks for.
struct LeakCheck {
  const char *kind, *english, *chinese;
};
std::span<const LeakCheck> leak_checks();

}  // namespace cangong
