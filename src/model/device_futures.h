// What libtorch does of drawing futures on a device: many at once, each with a cache of its own.
// The shared object cangong_torch exports it; DecoderFutures is what others use.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "kernel/device.h"
#include "model/decoder_futures.h"

namespace cangong {

struct DeviceQuestion {
  const FutureRequest& request;
  const float* may;    // by id: 1 where it may still happen
  const float* watch;  // by id, as FutureRequest::watched; null where nothing is
};

class DeviceFutures {
 public:
  virtual ~DeviceFutures() = default;

  // Told of each future once it is over. `summed`: its rates summed up between each age that is
  // told of and the one before, by age and id; null where nothing is.
  using Over = std::function<void(std::size_t question, std::size_t future, Future&& drawn,
                                  const float* summed)>;
  virtual void draw(std::span<const DeviceQuestion> questions, std::uint64_t seed,
                    const Over& over) = 0;
};

struct DeviceDecoder {
  DelphiShape shape;
  const float* weights;  // laid out as DecoderWeights does
  std::size_t size;
  FloatFormat format;
  const FutureRules& rules;
  Device device;
  std::size_t threads;
};

using MakeDeviceFutures = void (*)(const DeviceDecoder&, std::unique_ptr<DeviceFutures>&);
inline constexpr const char* kMakeDeviceFutures = "cangong_device_futures";

}  // namespace cangong
