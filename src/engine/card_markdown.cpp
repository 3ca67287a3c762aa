#include "base/text.h"
#include "engine/card_facts.h"
#include "model/timeline_model.h"
#include "train/pretrain_recipe.h"

namespace cangong {
namespace {

struct Statement {
  std::string subject, text;
};

struct StatementReader {
  std::vector<Statement>& all;
  void operator()(const char*, std::string& value, const char* help) {
    all.push_back({help, value});
  }
};

constexpr std::size_t kFewest = 20, kFewestEvents = 5;  // as in reports

// What people wrote, so that it neither marks up nor ends its line.
std::string plain_text(const std::string& text) {
  std::string line;
  for (const char c : text) {
    if (std::string_view("\\`*_[]<>#|").find(c) != std::string_view::npos) line += '\\';
    line += c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
  }
  return std::string(trim(line));
}

// Of yes-or-no answers by models that had not seen the patients; others are judged in the report.
std::string came_true(const Pipeline& p) {
  if (!p.out_of_fold || p.main().readout.answer() != Answer::boolean) return "";
  double told = 0, seen = 0;
  for (const double value : p.judged_value) told += value;
  for (const double truth : p.judged_truth) seen += truth;
  if (p.judged_value.size() < kFewest || seen < kFewestEvents) return "";
  const auto n = static_cast<double>(p.judged_value.size());
  return "- cross-validated: " + format_count(p.judged_value.size()) +
         " answers, told on average " + format_fixed(100 * told / n, 1) + " %, came true " +
         format_fixed(100 * seen / n, 1) + " %\n";
}

// With what nobody has said.
std::string what_people_say(CardOptions card) {
  std::vector<Statement> all;
  StatementReader reader{all};
  card.visit(reader);
  std::string text = "\n## What people say of it\n\n";
  std::vector<std::string> unsaid;
  for (const auto& [subject, said] : all)
    said.empty() ? unsaid.push_back(subject)
                 : void(text += "- " + subject + ": " + plain_text(said) + "\n");
  if (!unsaid.empty()) text += "\nNobody has said: " + join(unsaid, "; ") + ".\n";
  return text;
}

constexpr const char* kNobodyReal = "- trained on patients who do not exist\n";

}  // namespace

std::string card_markdown(const Pipeline& p, const std::string& name, const Digest& bundle) {
  std::string text = "# Model card: " + name + "\n\n";
  if (!p.recipe.description.empty()) text += plain_text(p.recipe.description) + "\n\n";
  text += "- bundle: " + bundle + "\n- recipe: " + plain_text(p.recipe.name) +
          "\n- task: " + plain_text(p.task_name) + "\n- learner: " + p.main().model->kind() +
          "\n- features: " +
          format_count(p.main().columns.empty() ? p.encoder->columns().size()
                                                : p.main().columns.size()) +
          "\n- training examples: " + format_count(p.training_rows) + "\n" + came_true(p);
  if (p.synthetic) text += kNobodyReal;
  return text + what_people_say(p.recipe.card);
}

std::string timelines_card_markdown(const Bundle& bundle, const std::string& name) {
  const TimelineFacts facts = TimelineModel::facts_in(bundle);
  const PretrainRecipe recipe = parse_pretrain_recipe(bundle.read("recipe.yaml"), "recipe.yaml");
  std::string text = "# Model card: " + name + "\n\n";
  if (!facts.description.empty()) text += plain_text(facts.description) + "\n\n";
  text += "- bundle: " + bundle.digest() + "\n- recipe: " + plain_text(facts.name) +
          "\n- a model of whole timelines: " + format_count(facts.context) +
          " events looked back at\n- trained on " + format_count(facts.people) + " patients, " +
          format_count(facts.events) + " events\n";
  if (facts.judged_events > 0)
    text += "- judged on " + format_count(facts.judged_events) + " events of other patients (" +
            facts.judged_by + "): " + format_fixed(facts.cross_entropy + facts.waiting, 3) +
            " nats an event\n";
  if (facts.synthetic) text += kNobodyReal;
  return text + what_people_say(recipe.card);
}

}  // namespace cangong
