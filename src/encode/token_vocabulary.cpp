#include "encode/token_vocabulary.h"

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "base/random.h"

namespace cangong {
namespace {

constexpr const char* kKinds[] = {"padding", "no_event", "input", "outcome"};
}  // namespace

FollowUp FollowUp::parse(const std::string& text) {
  FollowUp follow_up;
  if (text == "last_record") return follow_up;
  const auto moment = parse_moment(text, Zone("UTC"));
  if (!moment) fail(Fault::config, "observed_until is last_record or a date, as 2024-12-31");
  follow_up.until = moment->last;
  return follow_up;
}

// Padding, "no event", inputs, outcomes: what the ids of everything else rest on.
void TokenVocabulary::require_order() const {
  const auto kind_at = [&](std::size_t id) {
    if (id < 2) return id == 0 ? Token::Kind::padding : Token::Kind::no_event;
    return id < static_cast<std::size_t>(first_outcome_) ? Token::Kind::input
                                                         : Token::Kind::outcome;
  };
  bool holds = first_outcome_ >= 2 && static_cast<std::size_t>(first_outcome_) < tokens_.size();
  for (std::size_t id = 0; holds && id < tokens_.size(); ++id) {
    const Token& token = tokens_[id];
    holds = token.kind == kind_at(id) &&
            (token.part == 0 || (id > 2 && tokens_[id - 1].code == token.code &&
                                 tokens_[id - 1].part + 1 == token.part));
  }
  for (const auto& [code, cuts] : cuts_) holds = holds && ids_of(code).size() == cuts.at.size() + 2;
  if (!holds) fail(Fault::storage, "the vocabulary is damaged: its tokens are not in their order");
}

void TokenVocabulary::index() {
  ids_.clear();
  for (std::size_t id = 2; id < tokens_.size(); ++id)
    ids_.emplace(tokens_[id].name(), static_cast<std::int32_t>(id));
}

std::vector<std::int32_t> TokenVocabulary::ids_of(const std::string& code) const {
  std::vector<std::int32_t> ids;
  for (std::size_t id = 2; id < tokens_.size(); ++id)
    if (tokens_[id].code == code) ids.push_back(static_cast<std::int32_t>(id));
  return ids;
}

std::int32_t TokenVocabulary::id_for(const std::string& code, std::optional<double> number) const {
  const auto plain = ids_.find(code);
  if (plain == ids_.end() || !number) return plain == ids_.end() ? -1 : plain->second;
  const auto cuts = cuts_.find(code);
  if (cuts == cuts_.end()) return -1;
  const std::size_t part = cuts->second.part_of(static_cast<float>(*number));
  return plain->second + 1 + static_cast<std::int32_t>(part);
}

std::vector<std::int32_t> TokenVocabulary::ids_like(const Pattern& pattern) const {
  std::vector<std::int32_t> ids;
  for (std::size_t id = 2; id < tokens_.size(); ++id)
    if (pattern.in(tokens_[id].code)) ids.push_back(static_cast<std::int32_t>(id));
  return ids;
}

std::string_view TokenVocabulary::unit_of(const std::string& code) const {
  const auto found = cuts_.find(code);
  return found == cuts_.end() ? std::string_view() : found->second.unit;
}

std::string TokenVocabulary::json() const {
  nlohmann::ordered_json all{{"format", 1},
                             {"first_outcome", first_outcome_},
                             {"excluded", excluded_},
                             {"birth_years", birth_years_}};
  auto& tokens = all["tokens"] = nlohmann::ordered_json::array();
  for (const Token& token : tokens_)
    tokens.push_back({token.code, token.part, kKinds[static_cast<int>(token.kind)], token.people,
                      token.recurs, token.value});
  auto& cuts = all["cuts"] = nlohmann::ordered_json::object();
  for (const auto& [code, own] : cuts_) cuts[code] = {{"unit", own.unit}, {"at", own.at}};
  return all.dump();
}

TokenVocabulary TokenVocabulary::parse(const std::string& json) {
  try {
    const auto all = nlohmann::json::parse(json);
    TokenVocabulary vocabulary;
    if (all.at("format") != 1)
      fail(Fault::storage, "the vocabulary is of a newer version of this program");
    for (const auto& token : all.at("tokens")) {
      const auto kind = std::find(std::begin(kKinds), std::end(kKinds), token.at(2));
      if (kind == std::end(kKinds))
        fail(Fault::storage, "the vocabulary is damaged: a token's kind");
      vocabulary.tokens_.push_back({token.at(0), token.at(1),
                                    static_cast<Token::Kind>(kind - std::begin(kKinds)),
                                    token.at(3), token.at(4), token.at(5)});
    }
    for (const auto& [code, own] : all.at("cuts").items())
      vocabulary.cuts_[code] = {own.at("unit"), own.at("at").get<std::vector<float>>()};
    vocabulary.first_outcome_ = all.at("first_outcome");
    vocabulary.birth_years_ = all.value("birth_years", std::size_t{0});
    vocabulary.excluded_ = all.at("excluded").get<std::vector<std::string>>();
    vocabulary.require_order();
    vocabulary.index();
    return vocabulary;
  } catch (const nlohmann::json::exception&) {
    fail(Fault::storage, "the vocabulary is damaged: it is not the JSON that was written");
  }
}

}  // namespace cangong
