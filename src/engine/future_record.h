// A patient's record as it would go on: what is known, and one simulated future behind it.
#pragma once

#include <memory>
#include <vector>

#include "engine/question.h"

namespace cangong {

class FutureRecord {
 public:
  explicit FutureRecord(const AskedPatient& asked);

  // The store's codes, in its order, and behind them those of the model.
  const CodeBook& codes() const { return codes_; }
  // Numbers are the medians of their parts, in the unit of these. Who is alive at the end has an
  // event of the code kFollowed there: nobody is lost in a simulated future.
  Timeline with(const Future& future, float until) const;

  static constexpr const char* kFollowed = "SIMULATED//FOLLOWED";

 private:
  const AskedPatient& asked_;
  CodeBook codes_;
  std::vector<CodeId> code_of_;  // by id of the vocabulary
  CodeId followed_;
  Timeline known_;
  History history_;
};

}  // namespace cangong
