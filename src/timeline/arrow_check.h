// Arrow's way to report trouble, turned into ours. Included by sources only.
#pragma once

#include <string>

#include "base/error.h"

namespace cangong {

template <class Status>
void check_arrow(const Status& status, Fault fault, const std::string& file) {
  if (!status.ok()) fail(fault, file + ": " + status.message());
}

template <class Result>
auto take_arrow(Result&& result, Fault fault, const std::string& file) {
  if (!result.ok()) fail(fault, file + ": " + result.status().message());
  return std::forward<Result>(result).ValueOrDie();
}

}  // namespace cangong
