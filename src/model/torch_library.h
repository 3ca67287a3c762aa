// The part with torch: a shared object beside the program, loaded when it is first needed.
#pragma once

namespace cangong {

// A function that it exports. Throws Fault::missing where this build has none.
void* torch_symbol(const char* name);

}  // namespace cangong
