// What was answered beside what happened: discrimination and calibration as outcomes arrive.
#pragma once

#include <functional>
#include <string>

#include "engine/job_kind.h"

namespace cangong {

void prepare_judgements(Database& database);

// Judges the kept answers of one bundle under one name whose horizon has passed, by the bundle's
// own task at the moment of each answer and by what is known now, and keeps the judgement.
// Patients who trained the model count from its approval on alone. `progress(done, total)` is told
// now and then, and may throw to end it. Throws Fault::input where the task's moment of prediction
// cannot be any moment (it hangs on an event after its trigger), or the bundle has no task.
using JudgeProgress = std::function<void(std::size_t done, std::size_t total)>;
// Returns what came out, a JSON object.
std::string judge(Hospital& hospital, const ServedModel& model, const JudgeProgress& progress);

// A judgement as a job. Request: {"model": NAME}.
extern const JobKind kJudgeAnswers;

// JSON (docs/service.md); empty where nothing was judged yet.
std::string last_judgement(Database& database, const std::string& model, const Digest& bundle);

}  // namespace cangong
