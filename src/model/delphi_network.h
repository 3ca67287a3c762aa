// The plain forward pass of Delphi (Shmatko et al. 2025): a decoder over events, whose places are
// ages, not positions; its logits are the logarithms of rates a day, of all events at once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "encode/delphi_batch.h"

namespace cangong {

inline constexpr const char* kAdditiveWeight = "additive.weight";

struct DelphiShape {
  std::size_t layers = 12, heads = 12, width = 120, vocabulary = 1270;
  // Ours, not Delphi's: each event ever had multiplies the rates by factors of its own, as in a
  // proportional hazards model (Cox 1972); what it adds to the last state is a vector of its own.
  bool additive = false;
  // Of all weights: the output is the embedding again.
  std::size_t parameters() const;
  // Names, as in the official state dict, with rows and columns (1 row: a scale); in its order.
  struct Weight {
    std::string name;
    std::size_t rows, columns;
  };
  std::vector<Weight> weights() const;
};

// Here, for the shared object with torch, which is not linked with the rest, needs it too.
inline std::vector<DelphiShape::Weight> DelphiShape::weights() const {
  std::vector<Weight> all{{"transformer.wte.weight", vocabulary, width},
                          {"transformer.wae.linear.weight", width, width}};
  for (std::size_t layer = 0; layer < layers; ++layer) {
    const std::string block = "transformer.h." + std::to_string(layer) + ".";
    all.push_back({block + "ln_1.weight", 1, width});
    all.push_back({block + "attn.c_attn.weight", 3 * width, width});
    all.push_back({block + "attn.c_proj.weight", width, width});
    all.push_back({block + "ln_2.weight", 1, width});
    all.push_back({block + "mlp.c_fc.weight", 4 * width, width});
    all.push_back({block + "mlp.c_proj.weight", width, 4 * width});
  }
  all.push_back({"transformer.ln_f.weight", 1, width});
  if (additive) all.push_back({kAdditiveWeight, vocabulary, width});
  return all;
}

// Whether events of the same age as what is to be predicted are seen. In training, and when answers
// are judged, they are not, for they would tell it; when the future is drawn nobody knows it.
enum class DelphiTies { hidden, seen };
// What counts as a target. Judging (the official validation mode): sex, lifestyle and "no event"
// are neither targets nor possible; in training "no event" is both. The two cannot be compared.
enum class DelphiTargets { training, judging };

template <class Real>
class DelphiNetwork {
 public:
  using Weights = std::map<std::string, std::vector<Real>>;  // row-major, [out, in]

  // Throws Fault::model where a weight is missing or of another size.
  DelphiNetwork(const DelphiShape& shape, Weights weights);

  struct Output {
    std::vector<Real> logits;        // people x length x vocabulary
    std::vector<std::uint8_t> sees;  // people x length x length: which event sees which
  };
  Output forward(const DelphiBatch& batch, DelphiTies ties) const;

 private:
  using Rows = std::vector<Real>;
  const Rows& weight(const std::string& name) const { return weights_.at(name); }
  Rows embed(const DelphiBatch& batch) const;
  void add_ever_had(const DelphiBatch& batch, const std::vector<std::uint8_t>& sees,
                    Rows& to) const;
  Rows attend(const Rows& normal, const std::string& block, const std::vector<std::uint8_t>& sees,
              std::size_t people, std::size_t length) const;

  DelphiShape shape_;
  Weights weights_;
};

extern template class DelphiNetwork<float>;
extern template class DelphiNetwork<double>;

// Which event sees which: those before it and itself; never padding, which sees itself alone.
std::vector<std::uint8_t> delphi_mask(const DelphiBatch& batch, DelphiTies ties);

// By event: whether what follows is a target, and the time until then, in days, since the last
// event that is seen; a day at least.
std::vector<std::uint8_t> delphi_targets(const DelphiBatch& batch, DelphiTargets targets);
std::vector<double> delphi_waits(const DelphiBatch& batch, const std::vector<std::uint8_t>& sees);

inline constexpr double kDelphiLeastWait = 0.1;  // days: no rate is above its inverse

// Means over the targets that are events: cross-entropy, and the exponential waiting time's, whose
// mean cannot be below a tenth of a day.
struct DelphiLoss {
  double cross_entropy = 0, waiting = 0;
  std::size_t targets = 0;
};
template <class Real>
DelphiLoss delphi_loss(const typename DelphiNetwork<Real>::Output& output, const DelphiBatch& batch,
                       DelphiTargets targets);

}  // namespace cangong
