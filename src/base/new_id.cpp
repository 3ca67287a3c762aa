#include "base/new_id.h"

#include <optional>

#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"

namespace cangong {
namespace {

constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t kLength = 26;

// The 128 bits in base 32, the highest first; the two bits before them are 0.
std::string written(const std::string& bytes) {
  std::string id;
  unsigned held = 0;
  int bits = 2;
  for (const char byte : bytes) {
    held = (held << 8) | static_cast<unsigned char>(byte);
    bits += 8;
    while (bits >= 5) id += kDigits[(held >> (bits -= 5)) & 31];
  }
  return id;
}

// Nothing where `id` was not written so.
std::optional<std::string> bytes_of(std::string_view id) {
  if (id.size() != kLength) return std::nullopt;
  std::string bytes;
  unsigned held = 0;
  int bits = -2;
  for (const char digit : id) {
    const auto value = kDigits.find(digit);
    if (value == std::string_view::npos) return std::nullopt;
    held = (held << 5) | static_cast<unsigned>(value);
    if ((bits += 5) >= 8) bytes += static_cast<char>((held >> (bits -= 8)) & 0xff);
  }
  return bytes;
}

}  // namespace

std::string new_id(Time now) {
  const auto milliseconds = static_cast<std::uint64_t>(now.time_since_epoch().count() / 1000);
  std::string bytes = random_bytes(16);
  for (std::size_t i = 0; i < 6; ++i)
    bytes[i] = static_cast<char>((milliseconds >> (40 - 8 * i)) & 0xff);
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x70);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  return written(bytes);
}

bool is_new_id(std::string_view text) {
  const auto bytes = bytes_of(text);
  return bytes && ((*bytes)[6] & 0xf0) == 0x70 && ((*bytes)[8] & 0xc0) == 0x80;
}

std::string uuid_of(std::string_view id) {
  const auto bytes = bytes_of(id);
  if (!bytes) fail(Fault::input, "not an id of ours");
  const std::string hex = hexadecimal(*bytes);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

}  // namespace cangong
