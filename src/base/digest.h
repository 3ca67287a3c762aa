// SHA-256, whole and by parts, and the keyed hash that hides outside identifiers.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace cangong {

// 64 lower-case hexadecimal digits.
using Digest = std::string;

class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  // Forgets what was added.
  void start();
  void add(std::string_view bytes);
  // Ends the hash: nothing may be added before start().
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest digest_of(std::string_view bytes);

// Throws Fault::storage where the file cannot be read.
Digest digest_of_file(const std::string& path);

// HMAC-SHA-256 of `text`, cut to 63 bits (never negative).
std::int64_t keyed_hash(std::string_view key, std::string_view text);

// HMAC-SHA-256 (RFC 2104), 64 hexadecimal digits.
std::string hmac_sha256(std::string_view key, std::string_view text);

// `count` bytes of the system's cryptographic generator.
std::string random_bytes(std::size_t count);

// Of the running program: what another build left half-done is not gone on with.
const Digest& program_digest();

}  // namespace cangong
