// Documents about a model that others ask for: what they ask, and what of it is known.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "report/study.h"
#include "report/svg.h"

namespace cangong {

// Answers by key: those that the program can give, and those that a person gave (recipe `card:`).
using Facts = std::map<std::string, Words>;
Facts facts_of(const StudyReport& report);

struct CardItem {
  std::string_view number;
  std::string_view english, chinese;  // what is asked, in our words
  std::string_view keys;              // of the facts that answer it, separated by spaces
};
struct CardDocument {
  std::string_view name, english, chinese, source;
  std::span<const CardItem> items;
};
// TRIPOD+AI (Collins et al. 2024) and the source attributes of HTI-1 (45 CFR 170.315(b)(11)(iv)).
std::span<const CardDocument> card_documents();

// REPORT/card.json: {document: [{number, asks, answer or null}], ...}, and how many are answered.
std::string card_json(const StudyReport& report);
// REPORT/card.html: the same to read and print; what a person must answer is marked with the key.
std::string card_html(const StudyReport& report);
// REPORT/card.chai.xml: applied model card of the Coalition for Health AI, schema v0.1.
std::string card_chai(const StudyReport& report);

}  // namespace cangong
