// What the program knows about a model beyond its figures, for the documents in report/card.h.
#pragma once

#include "registry/bundle.h"
#include "report/study.h"
#include "train/pipeline.h"

namespace cangong {

// Who was judged, on what.
struct CardSubject {
  const Store& store;
  const std::vector<PatientId>& patients;
  const Targets& truth;
};
// Fills facts, card, judged and stability of the report.
void describe_card(const Pipeline& pipeline, const Bundle& bundle, const CardSubject& subject,
                   StudyReport& report);

// What only a person can say and HTI-1 asks for: the keys of `card:` that are still empty, of a
// bundle's recipe. Whoever has nothing to tell says so.
std::vector<std::string> open_on_card(const Bundle& bundle);

// The card in Markdown: what the model is and sees, how a cross-validated one's answers came true,
// and what a person says of it, with what nobody has said.
std::string card_markdown(const Pipeline& pipeline, const std::string& name, const Digest& bundle);
// The same of a model of timelines.
std::string timelines_card_markdown(const Bundle& bundle, const std::string& name);

}  // namespace cangong
