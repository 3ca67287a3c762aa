// The kinds of jobs, and who may begin one.
#pragma once

#include <span>
#include <string_view>

#include "engine/job_kind.h"
#include "serve/access.h"

namespace cangong {

// {"group", "model", "as_of", "explain", ...}, as POST /fhir/Group/ID/$predict makes it.
extern const JobKind kGroupJob;

std::span<const JobKind* const> job_kinds();
// Of a kind that there is; else that of any job.
Permission permission_for_job(std::string_view kind);

}  // namespace cangong
