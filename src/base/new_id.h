// Names for what is made here.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"

namespace cangong {

// A UUID of version 7 (RFC 9562: 48 bits of milliseconds, 74 random) as 26 digits of Crockford's
// base 32, so that new rows lie beside each other.
std::string new_id(Time now);
// Whether it looks like one of them.
bool is_new_id(std::string_view text);
// The same 128 bits as "01932b1c-...": for protocols that want a UUID. Throws Fault::input where
// the text is no such id.
std::string uuid_of(std::string_view id);

}  // namespace cangong
