// What an ONNX file may be that comes from elsewhere.
#pragma once

#include <string_view>

namespace cangong {

// Throws Fault::config where the bytes are no ONNX model, or name other files (external data: they
// would be read from this machine, and the bundle's digest would not cover them), train, or loop
// (Loop, Scan: an answer would have no bound in time).
void require_plain_onnx(std::string_view bytes);

}  // namespace cangong
