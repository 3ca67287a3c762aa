// Long work: begun, watched, ended.
#include <cmath>

#include "base/text.h"
#include "serve/job_kinds.h"
#include "serve/json.h"

namespace cangong {
namespace {

Json json_of(const Job& job, Time now) {
  Json json{{"id", job.id},
            {"kind", job.kind},
            {"model", job.model},
            {"by", job.by},
            {"state", name_of(job.state)},
            {"done", job.done},
            {"total", job.total},
            {"created", format_time(job.created)}};
  if (job.started) json["started"] = format_time(*job.started);
  if (job.ended) json["ended"] = format_time(*job.ended);
  if (!job.problem.empty()) json["problem"] = job.problem;
  if (job.state == Job::State::running && job.started && job.done > 0 && job.total >= job.done) {
    const double spent = std::chrono::duration<double>(now - *job.started).count();
    json["seconds_left"] = std::round(spent * static_cast<double>(job.total - job.done) /
                                      static_cast<double>(job.done));
  }
  return json;
}

}  // namespace

Response list_jobs(Call& call) {
  Json all = Json::array();
  for (const Job& job : call.service.jobs().latest(50)) all.push_back(json_of(job, call.now));
  return json_response({{"jobs", all}});
}

Response start_job(Call& call) {
  const Json body = Json::parse(call.request.body, nullptr, false);
  if (!body.is_object()) throw HttpError{400, "the body is a JSON object"};
  const std::string kind = text_in(body, "kind");
  if (!allows(call.account.roles, permission_for_job(kind)))
    throw HttpError{403, "your roles do not allow jobs of this kind, or it begins below /fhir"};
  const Job job = call.service.jobs().start({kind, call.request.body}, call.asker);
  return json_response(json_of(job, call.now), 201);
}

Response show_job(Call& call) {
  const auto job = call.service.jobs().find(call.parts[0]);
  if (!job) throw HttpError{404, "no such job"};
  const JobDetail detail = call.service.jobs().detail(job->id);
  Json json = json_of(*job, call.now);
  json["request"] = Json::parse(job->request.empty() ? "{}" : job->request);
  if (!detail.result.empty()) json["result"] = Json::parse(detail.result);
  json["log"] = Json::array(), json["curve"] = Json::array();
  for (const auto& line : detail.lines)
    json["log"].push_back({{"at", format_time(line.at)}, {"text", line.text}});
  for (const auto& point : detail.curve)
    json["curve"].push_back(
        {{"series", point.series}, {"step", point.step}, {"value", number(point.value)}});
  return json_response(json);
}

Response cancel_job(Call& call) {
  if (!call.service.jobs().find(call.parts[0])) throw HttpError{404, "no such job"};
  note(call, "cancel_job", {{"job", call.parts[0]}});
  const Job job = call.service.jobs().cancel(call.parts[0]);
  return json_response(json_of(job, call.now));
}

}  // namespace cangong
