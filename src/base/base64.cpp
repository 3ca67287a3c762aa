#include "base/base64.h"

namespace cangong {

namespace {

std::string digits_of(std::string_view bytes, std::string_view digits) {
  std::string text;
  unsigned held = 0;
  int bits = 0;
  for (const char byte : bytes) {
    held = (held << 8) | static_cast<unsigned char>(byte);
    for (bits += 8; bits >= 6;) text += digits[(held >> (bits -= 6)) & 63];
  }
  if (bits > 0) text += digits[(held << (6 - bits)) & 63];
  return text;
}

constexpr std::string_view kForUrls =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kUsual =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string base64url(std::string_view bytes) {
  return digits_of(bytes, kForUrls);
}

std::string base64(std::string_view bytes) {
  std::string text = digits_of(bytes, kUsual);
  return text.append((4 - text.size() % 4) % 4, '=');
}

std::optional<std::string> from_base64url(std::string_view text) {
  const auto digit = [](char c) -> int {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
  };
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  unsigned held = 0;
  int bits = 0;
  for (const char c : text) {
    const int value = digit(c);
    if (value < 0) return std::nullopt;
    held = ((held << 6) | static_cast<unsigned>(value)) & 0xffff;
    if ((bits += 6) >= 8) bytes += static_cast<char>(held >> (bits -= 8));
  }
  if (held & ((1u << bits) - 1)) return std::nullopt;
  return bytes;
}

}  // namespace cangong
