// Models of other programs, in ONNX, computed by ONNX Runtime: a shared object that is loaded on
// first use.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/matrix.h"

namespace cangong {

// One loaded model. Computing is safe from several threads and uses one thread each, so that the
// same rows give the same bytes.
class OnnxSession {
 public:
  // Throws Fault::config where the bytes are no ONNX model, have operators that are not known, or
  // want anything but one table of reals; Fault::missing where this build has no ONNX Runtime.
  explicit OnnxSession(const std::string& bytes);
  ~OnnxSession();
  OnnxSession(const OnnxSession&) = delete;
  OnnxSession& operator=(const OnnxSession&) = delete;

  // The width of the table that it wants; 0: any.
  std::size_t columns() const;
  const std::vector<std::string>& outputs() const;
  // One of outputs(), which is a table of numbers of as many rows as `x`, or one number each.
  // Throws Fault::config where it is something else.
  RealMatrix run(const Matrix& x, const std::string& output) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cangong
