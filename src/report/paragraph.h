// An answer in words, for the clinician and for the patient.
#pragma once

#include "decide/answer.h"
#include "report/svg.h"

namespace cangong {

struct Told {
  std::string task;         // what was asked, in the task's own words
  double horizon_days = 0;  // of a risk; 0: none
};

// " within 5 years", "5 年内"; empty where there is no horizon.
Words horizon_words(const Told& told);
// One of its reasons: "sex female", "creatinine (mean 1.4 mg/dL, 30d)", "troponin not recorded".
Words reason_words(const Reason& reason);
// Two or three sentences: the answer with its interval, what speaks for and against it, and that it
// is no diagnosis. Needs a prediction with reasons.
Words clinician_paragraph(const Prediction& prediction, const Told& told);
// The same in plain words, with a natural frequency ("7 of 100 people like you").
Words patient_paragraph(const Prediction& prediction, const Told& told);

}  // namespace cangong
