// Bytes as text for URLs and for what travels in JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cangong {

// The base64 of RFC 4648 section 5, without padding; nothing for anything else, also where bits are
// left over that are not zero.
std::optional<std::string> from_base64url(std::string_view text);
std::string base64url(std::string_view bytes);
// That of section 4, with padding, as FHIR has it.
std::string base64(std::string_view bytes);

}  // namespace cangong
