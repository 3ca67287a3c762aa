#include "base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <fstream>

#include "base/error.h"
#include "base/program.h"
#include "base/text.h"

namespace cangong {

struct Hasher::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

namespace {

// Looked up once: that takes longer than the digest of a short text.
const EVP_MD* sha256() {
  static const EVP_MD* const found = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return found;
}

}  // namespace

Hasher::Hasher() : state_(std::make_unique<State>()) {
  start();
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::start() {
  ensure(EVP_DigestInit_ex(state_->context, sha256(), nullptr) == 1, "SHA-256 is available");
}

void Hasher::add(std::string_view bytes) {
  EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
}

Digest Hasher::finish() {
  std::array<unsigned char, 32> sum{};
  unsigned length = 0;
  EVP_DigestFinal_ex(state_->context, sum.data(), &length);
  return hexadecimal({reinterpret_cast<const char*>(sum.data()), sum.size()});
}

Digest digest_of(std::string_view bytes) {
  thread_local Hasher hasher;  // making one takes longer than hashing a short text
  hasher.start();
  hasher.add(bytes);
  return hasher.finish();
}

Digest digest_of_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) fail(Fault::storage, "cannot read " + path);
  Hasher hasher;
  std::string buffer(1 << 20, '\0');
  while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || in.gcount() > 0)
    hasher.add(std::string_view(buffer.data(), static_cast<std::size_t>(in.gcount())));
  if (in.bad()) fail(Fault::storage, "cannot read " + path);
  return hasher.finish();
}

namespace {

std::array<unsigned char, 32> hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, 32> sum{};
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), sum.data(), &length);
  return sum;
}

}  // namespace

std::int64_t keyed_hash(std::string_view key, std::string_view text) {
  const auto sum = hmac(key, text);
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | sum[static_cast<std::size_t>(i)];
  return static_cast<std::int64_t>(value >> 1);
}

std::string hmac_sha256(std::string_view key, std::string_view text) {
  const auto sum = hmac(key, text);
  return hexadecimal({reinterpret_cast<const char*>(sum.data()), sum.size()});
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  ensure(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) == 1,
         "the system has randomness");
  return bytes;
}

const Digest& program_digest() {
  static const Digest digest = digest_of_file(program_file());
  return digest;
}

}  // namespace cangong
