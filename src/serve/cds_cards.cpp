// Cards of CDS Hooks 2.0: the answer, its reasons and sources, what may be done next.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/new_id.h"
#include "base/text.h"
#include "report/paragraph.h"
#include "serve/cds.h"
#include "serve/prefetch.h"

namespace cangong {
namespace {

// Text of a record inside Markdown: nothing in it is markup.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\`*_{}[]()#+-.!|<>~&").find(c) != std::string_view::npos) out += '\\';
    out += c == '\n' || c == '\r' ? ' ' : c;
  }
  return out;
}

const CardThreshold* threshold_of(const Call& call, const ServedModel& model) {
  for (const CardThreshold& threshold : call.service.config().cards)
    if (threshold.model == model.name) return &threshold;
  return nullptr;
}

// In the language that was asked for.
std::string said(const Call& call, const Words& words) {
  return wants_chinese(call.request) ? words.chinese : words.english;
}

// Its strongest reasons, each once, with the resource behind it.
std::string reasons_of(const Call& call, const Prediction& p) {
  std::string text;
  std::vector<std::string> told;
  for (const Reason& reason : p.reasons) {
    const std::string words = said(call, reason_words(reason));
    if (told.size() == 5 || std::find(told.begin(), told.end(), words) != told.end()) continue;
    told.push_back(words);
    text += "- " + plain(words);
    text += reason.contribution > 0 ? said(call, {" (raises it)", "（升高）"})
                                    : said(call, {" (lowers it)", "（降低）"});
    if (!reason.evidence.empty() && !reason.evidence.front().source.empty())
      text += ", " + plain(reason.evidence.front().source);
    text += "\n";
  }
  return text;
}

std::string detail_of(const Call& call, const Got& got, const Prediction& p) {
  std::string text;
  if (!p.reasons.empty())
    text =
        plain(said(call, clinician_paragraph(p, got.model->told))) + "\n\n" + reasons_of(call, p);
  if (const auto* threshold = threshold_of(call, *got.model)) {
    const std::string from = figure(p, threshold->warning);
    text += "\n" +
            plain(said(call, {"Warns from " + from + ": ", "警示阈值 " + from + "："}) +
                  threshold->reason) +
            "\n";
  }
  if (got.answered.synthetic)
    text +=
        said(call, {"\n**Synthetic**: this patient, or those behind the model, do not exist\\.\n",
                    "\n**合成数据**：该患者或模型所学的患者并不存在。\n"});
  const std::string model = got.model->id(), until = format_time(got.answered.as_of);
  const std::string& id = got.answered.id;
  return text + "\n" +
         plain(said(call, {"Model " + model + ", data to " + until + ", answer " + id,
                           "模型 " + model + "，数据截至 " + until + "，答复 " + id})) +
         "\n";
}

Json source_of(const Call& call, const ServedModel& model) {
  return {{"label", "cangong at " + call.service.config().organisation},
          {"url", call.service.public_url() + "/#/model/" + encode_url(model.id())},
          {"topic", {{"system", call.service.public_url() + "/models"}, {"code", model.name}}}};
}

Json override_reasons(const Call& call) {
  const std::string system = call.service.public_url() + "/override";
  const auto one = [&](const char* code, const Words& display) {
    return Json{{"system", system}, {"code", code}, {"display", said(call, display)}};
  };
  return Json::array({one("already-known", {"Already known", "已知晓"}),
                      one("not-relevant", {"Not relevant now", "目前不相关"}),
                      one("disagree", {"I judge it otherwise", "判断不同"})});
}

// Where a person reads on: the patient's page, where the patient is in the record, and the card of
// the model.
Json links_of(const Call& call, const Got& got) {
  const std::string pages = call.service.public_url() + "/#/";
  Json links = Json::array();
  if (got.patient)
    links.push_back({{"label", said(call, {"Open in Cangong", "在 Cangong 中打开"})},
                     {"url", pages + "prediction/" + encode_url(got.patient->id) + "/" +
                                 encode_url(got.model->id())},
                     {"type", "absolute"}});
  links.push_back({{"label", said(call, {"About the model", "关于该模型"})},
                   {"url", pages + "model/" + encode_url(got.model->id())},
                   {"type", "absolute"}});
  return links;
}

struct Proposal {
  std::string label, system, code, display;
};

// A suggestion to order something, as a draft that the EHR may take over.
Json suggestion_of(const Proposal& what, const std::string& patient) {
  Json coding{{"system", what.system}, {"code", what.code}};
  if (!what.display.empty()) coding["display"] = what.display;
  const Json order{{"resourceType", "ServiceRequest"},
                   {"status", "draft"},
                   {"intent", "proposal"},
                   {"code", {{"coding", Json::array({coding})}}},
                   {"subject", {{"reference", "Patient/" + patient}}}};
  return {{"label", what.label},
          {"uuid", uuid_of(new_id(now()))},
          {"actions",
           Json::array({{{"type", "create"}, {"description", what.label}, {"resource", order}}})}};
}

void suggest(Json& card, const std::vector<Proposal>& all, const std::string& patient) {
  if (all.empty()) return;
  Json suggestions = Json::array();
  for (const Proposal& one : all) suggestions.push_back(suggestion_of(one, patient));
  card["suggestions"] = suggestions;
  card["selectionBehavior"] = "any";
}

// Measurements that the model misses, as far as a code says what to order.
std::vector<Proposal> to_measure(const Call& call, const ServedModel& model,
                                 const Abstention& none) {
  std::vector<Proposal> all;
  for (const Column& column : model.pipeline.encoder->columns()) {
    if (std::find(none.missing.begin(), none.missing.end(), column.name()) == none.missing.end() ||
        !column.code.starts_with("LOINC//"))
      continue;
    const auto coding = coding_of(column.code);
    const auto same = [&](const Proposal& known) { return coding && known.code == coding->second; };
    if (!coding || std::any_of(all.begin(), all.end(), same)) continue;
    const std::string meaning = call.hospital().meaning(column.code);
    const std::string& name = meaning.empty() ? coding->second : meaning;
    all.push_back({"Measure " + shorten(name, 60), coding->first, coding->second, ""});
  }
  return all;
}

std::vector<Proposal> to_consider(const CardThreshold& threshold) {
  std::vector<Proposal> all;
  for (const CardSuggestion& one : threshold.suggestions)
    all.push_back({one.label, one.system, one.code, one.label});
  return all;
}

const char* indicator_of(const CardThreshold* threshold, double value) {
  return threshold && value >= threshold->critical  ? "critical"
         : threshold && value >= threshold->warning ? "warning"
                                                    : "info";
}

}  // namespace

Json answer_card(const Call& call, const Got& got, const std::string& patient) {
  // The answer's own id: what is said of the card leads to the trail's record.
  Json card{{"uuid", uuid_of(got.answered.id)}};
  if (const auto* none = std::get_if<Abstention>(&got.answered.reply)) {
    card["summary"] =
        said(call, {"No answer from ", "无法给出答复："}) + got.model->name + ": " + none->reason;
    card["indicator"] = "info";
    std::string missing;
    for (const std::string& feature : none->missing) missing += "- " + plain(feature) + "\n";
    if (!missing.empty()) card["detail"] = said(call, {"Missing", "缺少"}) + ":\n\n" + missing;
    suggest(card, to_measure(call, *got.model, *none), patient);
  } else {
    const auto& p = std::get<Prediction>(got.answered.reply);
    const CardThreshold* threshold = threshold_of(call, *got.model);
    card["summary"] = said(call, headline(*got.model, p));
    card["indicator"] = indicator_of(threshold, p.value);
    card["detail"] = detail_of(call, got, p);
    card["overrideReasons"] = override_reasons(call);
    if (threshold && p.value >= threshold->warning) suggest(card, to_consider(*threshold), patient);
  }
  card["source"] = source_of(call, *got.model);
  card["links"] = links_of(call, got);
  return card;
}

Json orders_card(const Call& call, const Got& without, const Got& with) {
  const auto* before = std::get_if<Prediction>(&without.answered.reply);
  const auto* after = std::get_if<Prediction>(&with.answered.reply);
  if (!before || !after) return nullptr;
  const double change = after->value - before->value;
  // A hundredth of all, and a tenth of what it is: less is no reason to interrupt anyone.
  if (std::abs(change) < 0.1 * std::abs(before->value) ||
      (after->unit == "probability" && std::abs(change) < 0.01))
    return nullptr;
  const std::string from = figure(*before, before->value), to = figure(*after, after->value);
  const CardThreshold* threshold = threshold_of(call, *with.model);
  const std::string task = shorten(with.model->told.task, 60);
  const Words summary{task + ": " + to + " with these orders, " + from + " without",
                      task + "：有这些医嘱时 " + to + "，无则 " + from};
  const Words caution{
      "**Association, not effect**: patients with such orders were " +
          std::string(change > 0 ? "more" : "less") +
          " at risk in the data that the model learnt from, which does not say that the order is "
          "why\\.\n\n",
      "**关联，而非效果**：在模型所学的数据中，有此类医嘱的患者风险" +
          std::string(change > 0 ? "较高" : "较低") + "，但这并不说明医嘱就是原因。\n\n"};
  return {{"uuid", uuid_of(with.answered.id)},
          {"summary", said(call, summary)},
          {"indicator", change > 0 ? indicator_of(threshold, after->value) : "info"},
          {"detail", said(call, caution) + detail_of(call, with, *after)},
          {"source", source_of(call, *with.model)},
          {"links", links_of(call, with)},
          {"overrideReasons", override_reasons(call)}};
}

}  // namespace cangong
