// Arrow's way to report trouble, turned into ours, and how we read with it. Included by sources
// only.
#pragma once

#include <string>

#include "base/error.h"

namespace cangong {

// With what the system said, such as a full disk.
template <class Status>
std::string arrow_message(const Status& status) {
  return status.message() + (status.detail() ? " (" + status.detail()->ToString() + ")" : "");
}

template <class Status>
void check_arrow(const Status& status, Fault fault, const std::string& file) {
  if (!status.ok()) fail(fault, file + ": " + arrow_message(status));
}

template <class Result>
auto take_arrow(Result&& result, Fault fault, const std::string& file) {
  if (!result.ok()) fail(fault, file + ": " + arrow_message(result.status()));
  return std::forward<Result>(result).ValueOrDie();
}

// Reading without Arrow's own pool of threads: files are local, and shards are read side by side by
// threads of ours.
template <class Properties>
Properties reading_in_place() {
  Properties properties;
  properties.set_pre_buffer(false);
  properties.set_use_threads(false);
  return properties;
}

}  // namespace cangong
