// What a model of whole timelines reads and foretells: tokens, each a code or a code with a part of
// its values. Learned from training patients, saved with the model.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/config.h"
#include "base/pattern.h"
#include "encode/roll_up.h"
#include "timeline/store.h"

namespace cangong {

struct TokenOptions {
  static constexpr bool is_config = true;
  std::vector<std::string> inputs{"^(GENDER|SEX|RACE|ETHNICITY|LANGUAGE)//"}, exclude;
  std::size_t least_people = 10, most_tokens = 20000, parts = 10, birth_years = 0;
  std::string observed_until = "last_record";
  template <class V>
  void visit(V& v) {
    v("inputs", inputs, "regular expressions: codes that are known and never foretold");
    v("exclude", exclude, "never codes that one of these finds");
    v("least_people", least_people,
      "a code is a token where so many training patients have it; rarer ones go under a parent");
    v("most_tokens", most_tokens, "keep so many, those of most patients");
    v("parts", parts, "a code's numbers are told apart by so many quantiles");
    v("birth_years", birth_years,
      "a fact of birth: in which span of so many years; with the age it tells the calendar. 0: no");
    v("observed_until", observed_until,
      "until when it is known that nothing happened: last_record, of any code; or a date at which "
      "the records of all end");
  }
};

// Until when the living were observed: a date, or their last record, but never behind `latest`:
// what is dated later is planned, or misdated.
struct FollowUp {
  std::optional<Time> until;
  Time latest = Time::max();
  // Throws Fault::config where the text is neither "last_record" nor a date.
  static FollowUp parse(const std::string& text);
};

struct Token {
  enum class Kind { padding, no_event, input, outcome };
  std::string code;
  int part = 0;  // 0: without a number; else 1, 2, ... by ascending values
  Kind kind = Kind::outcome;
  std::uint64_t people = 0;  // of the training patients
  bool recurs = false;       // somebody had it twice
  double value = 0;          // the median of its part
  std::string name() const { return part ? code + "//Q" + std::to_string(part) : code; }
};

// Ids: 0 padding, 1 "no event", then the inputs, then the outcomes.
class TokenVocabulary {
 public:
  static constexpr std::int32_t kPadding = 0, kNoEvent = 1;

  // From the patients whom `trains` holds for. Throws Fault::input where no code is left.
  static TokenVocabulary learn(const Store& store, const TokenOptions& options,
                               const std::function<bool(PatientId)>& trains, std::size_t threads);
  // JSON. Throws Fault::storage where it is not a vocabulary.
  static TokenVocabulary parse(const std::string& json);
  std::string json() const;

  std::size_t size() const { return tokens_.size(); }
  const Token& token(std::int32_t id) const { return tokens_.at(static_cast<std::size_t>(id)); }
  // The first id that can be foretold.
  std::int32_t first_outcome() const { return first_outcome_; }
  // Of all tokens that have the code, with whatever number.
  std::vector<std::int32_t> ids_of(const std::string& code) const;
  // Of the code with this number, or without one; -1: the vocabulary has none.
  std::int32_t id_for(const std::string& code, std::optional<double> number) const;
  // In which a code's numbers are told apart; empty where they are not.
  std::string_view unit_of(const std::string& code) const;
  // Tokens whose code the expression finds.
  std::vector<std::int32_t> ids_like(const Pattern& pattern) const;

 private:
  friend class Tokenizer;
  // The unit in which numbers are told apart, and between which values.
  struct Cuts {
    std::string unit;
    std::vector<float> at;
    std::size_t part_of(float number) const {
      return static_cast<std::size_t>(std::upper_bound(at.begin(), at.end(), number) - at.begin());
    }
  };
  void index();
  void require_order() const;

  std::vector<Token> tokens_;
  std::map<std::string, Cuts> cuts_;
  std::size_t birth_years_ = 0;
  std::vector<std::string> excluded_;  // regular expressions: never under a parent either
  std::int32_t first_outcome_ = 0;
  std::unordered_map<std::string, std::int32_t> ids_;  // by name
};

// "BORN//1955" of 1957 in spans of five years.
inline const std::string kBornIn = "BORN//";
std::string birth_token(Time birth, std::size_t years);

// Codes that stand under a parent only are "PARENT+".
std::string group_token(const std::string& parent);

// A history as tokens, by age.
struct TokenSequence {
  std::vector<std::int32_t> ids;
  std::vector<float> days;  // ages
  std::size_t unknown = 0;  // events that the vocabulary has no token for
  bool has_birth = false;   // else there are no ages, and no tokens
};

// A vocabulary, which must outlive it, over the codes of one store.
class Tokenizer {
 public:
  Tokenizer(const TokenVocabulary& vocabulary, const CodeBook& codes,
            const std::vector<CodeInfo>& infos);
  // Facts without a time stand at birth; what was before it, too.
  TokenSequence tokens(const History& history) const;

 private:
  struct Entry {
    std::int32_t plain = -1, first_part = -1;  // ids; -1: none
    const TokenVocabulary::Cuts* cuts = nullptr;
  };
  std::int32_t id_of(const Event& event) const;

  const TokenVocabulary& vocabulary_;
  std::vector<Entry> entries_;  // by code
  std::optional<CodeId> birth_;
};

}  // namespace cangong
