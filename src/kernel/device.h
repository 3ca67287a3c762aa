// Where networks are computed. Another one than was asked for is never taken in its stead.
#pragma once

#include <string_view>

#include "base/error.h"

namespace cangong {

enum class Device { processor, cuda };

inline Device device_named(std::string_view name) {
  if (name == "cpu") return Device::processor;
  if (name == "cuda") return Device::cuda;
  fail(Fault::config, "a device is cpu or cuda, not " + std::string(name));
}
inline const char* name_of(Device device) {
  return device == Device::cuda ? "cuda" : "cpu";
}

}  // namespace cangong
