// What the official code of Delphi (commit 770b87a) computed, from the data beside this tree.
#pragma once

#include <cmath>

#include "../shared_data.h"
#include "model/delphi_network.h"
#include "npz.h"

namespace cangong {

using StoredArrays = std::map<std::string, NpzArray>;
inline constexpr DelphiShape kSmallDelphi{2, 2, 24, 1270};

inline fs::path stored_delphi(const std::string& file) {
  return shared_data() / "delphi-parity" / file;
}
inline StoredArrays stored_arrays(const std::string& file) {
  return read_npz(stored_delphi(file));
}

template <class Real>
typename DelphiNetwork<Real>::Weights stored_weights(const std::string& set) {
  typename DelphiNetwork<Real>::Weights weights;
  for (const auto& [name, array] : stored_arrays("P2_forward/weights_" + set + ".npz"))
    weights[name] = array.template as<Real>();
  return weights;
}

inline DelphiBatch stored_batch(const StoredArrays& arrays, const std::string& prefix,
                                std::size_t most_people = 1000) {
  const NpzArray& x = arrays.at(prefix + "x");
  DelphiBatch batch;
  batch.people = std::min(x.shape[0], most_people), batch.length = x.shape[1];
  batch.tokens = x.as<std::int32_t>(), batch.ages = arrays.at(prefix + "a").as<float>();
  batch.next = arrays.at(prefix + "y").as<std::int32_t>();
  batch.next_ages = arrays.at(prefix + "b").as<float>();
  const std::size_t count = batch.people * batch.length;
  batch.tokens.resize(count), batch.next.resize(count);
  batch.ages.resize(count), batch.next_ages.resize(count);
  return batch;
}

// Of P4: the batch of a step.
inline DelphiBatch stored_step(const StoredArrays& arrays, std::size_t step) {
  const NpzArray& x = arrays.at("x");
  DelphiBatch batch;
  batch.people = x.shape[1], batch.length = x.shape[2];
  const std::size_t rows = batch.people, length = batch.length, count = rows * length;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = step * count + i, person = i / length;
    const bool is_last = i % length + 1 == length, is_padding = x.values[at] == 0;
    const auto next = [&](const char* inside, const char* last) {
      return is_last ? arrays.at(last).values[step * rows + person]
                     : arrays.at(inside).values[at + 1];
    };
    batch.tokens.push_back(static_cast<std::int32_t>(x.values[at]));
    batch.ages.push_back(static_cast<float>(arrays.at("a").values[at]));
    batch.next.push_back(is_padding ? 0 : static_cast<std::int32_t>(next("x", "y_last")));
    batch.next_ages.push_back(is_padding ? -10000 : static_cast<float>(next("a", "b_last")));
  }
  return batch;
}

// The norm of the difference, by the norm of what is wanted.
inline double distance(const std::vector<double>& got, const std::vector<double>& wanted) {
  double off = 0, whole = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    off += (got[i] - wanted[i]) * (got[i] - wanted[i]), whole += wanted[i] * wanted[i];
  return std::sqrt(off / whole);
}

}  // namespace cangong
