// What was answered about patients of the record, kept to be judged when it is known what happened.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/database.h"
#include "base/digest.h"
#include "base/identifier.h"
#include "base/time.h"

namespace cangong {

struct KeptAnswer {
  std::string id, model, bundle;  // "heart@champion"
  PatientId patient;
  Time as_of, at;
  std::optional<double> value = {};  // none: the model abstained
  // Of a shadow: the answer that was given beside it.
  std::string beside = {};
};

void prepare_kept_answers(Database& database);
void keep_answers(Database& database, std::span<const KeptAnswer> answers);

// With a value, by patient and moment; of one patient on one day the last alone.
std::vector<KeptAnswer> answers_kept(Database& database, const std::string& model,
                                     const Digest& bundle);

// How far the answers of a shadow lie from those that were given beside them.
struct Beside {
  std::uint64_t pairs = 0;
  double mean_difference = 0;  // absolute
};
Beside compare_beside(Database& database, const std::string& model, const Digest& bundle);

}  // namespace cangong
