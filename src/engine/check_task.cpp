#include <nlohmann/json.hpp>

#include "engine/engine.h"
#include "report/svg.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

std::string attrition_svg(const TaskCheckReply& reply) {
  std::vector<FlowBox> boxes;
  for (const AttritionStep& step : reply.steps) {
    const std::string people = format_count(step.patients), rows = format_count(step.rows);
    boxes.push_back(
        {{step.english + ": " + people + " patients" + (step.rows ? ", " + rows + " rows" : ""),
          step.chinese + "：" + people + " 名患者" + (step.rows ? "，" + rows + " 行" : "")}});
  }
  return flow_chart(boxes);
}

}  // namespace

std::string check_task_json(const TaskCheckReply& reply) {
  Json steps = Json::array();
  for (const AttritionStep& step : reply.steps)
    steps.push_back({{"step", step.english}, {"patients", step.patients}, {"rows", step.rows}});
  return Json{{"task", reply.task},
              {"attrition", steps},
              {"warnings", reply.warnings},
              {"leakage", Json::parse(leakage_json(reply.leaks))}}
      .dump(1);
}

TaskCheckReply check_task(const TaskCheckRequest& request) {
  const Store store = Store::open(request.store);
  const Labeller labeller({load_task(request.task, request.predicates)}, store.codes());
  TaskCheckReply reply;
  reply.task = labeller.tasks()[0].name;
  reply.steps = labeller.attrition(store, 0);
  const auto rows = label_store(store, labeller, request.threads);
  reply.leaks = find_leaks({store, rows[0], &labeller});
  reply.warnings = labeller.warnings();
  if (request.report.empty()) return reply;
  fs::create_directories(request.report);
  const std::string drawing = attrition_svg(reply);
  write_file(request.report / "attrition.svg", standalone_svg(drawing, "en"));
  write_file(request.report / "attrition.zh.svg", standalone_svg(drawing, "zh"));
  write_file(request.report / "check.json", check_task_json(reply) + "\n");
  return reply;
}

}  // namespace cangong
