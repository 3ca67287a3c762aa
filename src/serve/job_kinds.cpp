#include "serve/job_kinds.h"

#include <array>

#include "engine/judge.h"
#include "serve/pull.h"

namespace cangong {
namespace {

struct Startable {
  const JobKind* kind;
  Permission permission;
};

// A new kind of job is one file and one line here.
constexpr std::array kEntries{
    Startable{&kPredictJob, Permission::run_jobs},
    Startable{&kJudgeAnswers, Permission::run_jobs},
    Startable{&kImportJob, Permission::write_patients},
    Startable{&kTrainJob, Permission::train},
    Startable{&kEvaluateJob, Permission::train},
    Startable{&kPullJob, Permission::write_patients},
    Startable{&kMedsJob, Permission::write_patients},
    // Of these the routes below /fhir make the request.
    Startable{&kExportJob, Permission::nobody},
    Startable{&kLoadJob, Permission::nobody},
    Startable{&kGroupJob, Permission::nobody},
};

}  // namespace

std::span<const JobKind* const> job_kinds() {
  static const auto kKinds = [] {
    std::array<const JobKind*, kEntries.size()> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = kEntries[i].kind;
    return all;
  }();
  return kKinds;
}

Permission permission_for_job(std::string_view kind) {
  for (const Startable& entry : kEntries)
    if (entry.kind->name == kind) return entry.permission;
  return Permission::run_jobs;
}

}  // namespace cangong
