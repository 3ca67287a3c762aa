// What a learner learns from: features, answers, and whose they are.
#pragma once

#include <vector>

#include "base/identifier.h"
#include "base/matrix.h"
#include "encode/layout.h"
#include "evaluate/truth.h"

namespace cangong {

struct Dataset {
  Matrix x;  // rows x columns, NaN = missing
  Targets y;
  std::vector<PatientId> patients;
  std::vector<FurtherTargets> also;  // what the same network may learn beside
  Layout layout;                     // of the columns; steps only where there are visits

  std::size_t rows() const { return x.rows; }
  Dataset take(const std::vector<std::size_t>& rows) const;
  // The rows whose answer to a further task is known, with that answer as their own.
  Dataset of_further(std::size_t task) const;
};

}  // namespace cangong
