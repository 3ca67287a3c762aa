// A record other than it was: what a question takes for recorded, for never recorded, for earlier
// or later. What comes of it is association, not effect.
#pragma once

#include <string>
#include <vector>

#include "model/timeline_model.h"

namespace cangong {

struct Supposing {
  std::vector<std::string> with;  // "CODE" or "CODE=NUMBER": recorded at the moment of the question
  std::vector<std::string> without;  // "CODE": it never was
  std::vector<std::string> shifted;  // "CODE=DAYS": all its events so much later; below 0, earlier

  bool empty() const { return with.empty() && without.empty() && shifted.empty(); }
  // By name, for the trail.
  std::vector<std::pair<const char*, std::vector<std::string>>> said() const {
    return {{"with", with}, {"without", without}, {"shifted", shifted}};
  }
};

// Changes the question's history. Warns of what nobody like this patient had: of what the model
// itself expects in fewer than one of a thousand such patients a year, and of what few of the
// training patients had at all. Throws Fault::input where a code is not known, is not in the
// record, is what is asked about, or would be moved before birth or behind the moment.
void suppose(const Supposing& supposing, const TimelineModel& model, FutureRequest& request,
             std::vector<std::string>& warnings);

}  // namespace cangong
