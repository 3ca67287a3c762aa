// A patient's record as it would go on: what is known, and one simulated future behind it.
#pragma once

#include <memory>
#include <vector>

#include "engine/question.h"

namespace cangong {

// The store's codes, in its order, and behind them those of the model.
class FutureCodes {
 public:
  FutureCodes(const CodeBook& store, const TokenVocabulary& vocabulary);

  const CodeBook& codes() const { return codes_; }
  const TokenVocabulary& vocabulary() const { return vocabulary_; }
  CodeId of(std::int32_t id) const { return code_of_[static_cast<std::size_t>(id)]; }
  CodeId followed() const { return followed_; }

 private:
  const TokenVocabulary& vocabulary_;
  CodeBook codes_;
  std::vector<CodeId> code_of_;  // by id of the vocabulary
  CodeId followed_;
};

class FutureRecord {
 public:
  // Both must outlive it.
  FutureRecord(const FutureCodes& codes, const Timeline& known, const AskedMoment& moment);

  // Numbers are the medians of their parts, in the unit of these. Who is alive at the end has an
  // event of the code kFollowed there: nobody is lost in a simulated future.
  Timeline with(const Future& future, float until) const;
  Time at(float days) const;  // an age as a moment, behind the question
  bool is_death(std::int32_t id) const {
    return codes_.vocabulary().token(id).code == "MEDS_DEATH";
  }

  static constexpr const char* kFollowed = "SIMULATED//FOLLOWED";

 private:
  const FutureCodes& codes_;
  const AskedMoment& moment_;
  History history_;
};

}  // namespace cangong
