#include "model/delphi_training.h"

#include <cmath>
#include <numbers>

#include "model/torch_library.h"

namespace cangong {

double DelphiSchedule::at(std::size_t step) const {
  const auto now = static_cast<double>(step), warm = static_cast<double>(warm_up);
  if (step < warm_up) return highest * now / warm;
  if (step > falls_until) return lowest;
  const double share = (now - warm) / (static_cast<double>(falls_until) - warm);
  return lowest + (highest - lowest) * (1 + std::cos(std::numbers::pi * share)) / 2;
}

DelphiLesson delphi_lesson(DelphiBatch batch) {
  DelphiLesson lesson;
  lesson.sees = delphi_mask(batch, DelphiTies::hidden);
  lesson.is_target = delphi_targets(batch, DelphiTargets::training);
  lesson.waits = delphi_waits(batch, lesson.sees);
  lesson.batch = std::move(batch);
  return lesson;
}

std::unique_ptr<DelphiTrainer> delphi_trainer(const DelphiTraining& training) {
  (void)DelphiNetwork<double>(training.shape, training.weights);  // refuses what does not fit
  static const auto make = reinterpret_cast<MakeDelphiTrainer>(torch_symbol(kMakeDelphiTrainer));
  std::unique_ptr<DelphiTrainer> trainer;
  make(training, trainer);
  return trainer;
}

}  // namespace cangong
