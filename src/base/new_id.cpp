#include "base/new_id.h"

#include <array>

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

std::string uuid_of(std::string_view id) {
  std::string bytes;
  unsigned held = 0;
  int bits = -2;
  for (const char digit : id) {
    const auto value = kDigits.find(digit);
    if (id.size() != kLength || value == std::string_view::npos)
      fail(Fault::input, "not an id of ours");
    held = (held << 5) | static_cast<unsigned>(value);
    if ((bits += 5) >= 8) bytes += static_cast<char>((held >> (bits -= 8)) & 0xff);
  }
  if (bytes.size() != 16) fail(Fault::input, "not an id of ours");
  const std::string hex = hexadecimal(bytes);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

}  // namespace cangong
