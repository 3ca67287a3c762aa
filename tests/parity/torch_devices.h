// Where libtorch can compute: on processors, and on CUDA where a card is.
#pragma once

#include <gtest/gtest.h>

#include "train/decoder_trainer.h"

namespace cangong {

#ifdef CANGONG_HAS_TORCH
inline bool has_cuda() {
  static const bool has = [] {
    try {
      const DelphiShape tiny{1, 1, 2, 4};
      (void)torch_decoder_trainer({}, DecoderWeights(tiny, DecoderWeights::Ways::both),
                                  Device::cuda);
      return true;
    } catch (const Error& error) {
      std::printf("CUDA is not tested: %s\n", error.what());
      return false;
    }
  }();
  return has;
}
inline std::vector<Device> torch_devices() {
  return has_cuda() ? std::vector{Device::processor, Device::cuda} : std::vector{Device::processor};
}
#else
inline bool has_cuda() {
  return false;
}
inline std::vector<Device> torch_devices() {
  return {};
}
#endif

}  // namespace cangong
