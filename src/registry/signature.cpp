#include "registry/signature.h"

#include <openssl/evp.h>
#include <array>

#include "base/digest.h"
#include "base/error.h"
#include "base/secret_file.h"
#include "base/text.h"

namespace cangong {
namespace {

constexpr std::size_t kKeyBytes = 32, kSignatureBytes = 64;

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Context = std::unique_ptr<EVP_MD_CTX, Free>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

struct SigningKey::State {
  Key key;
};

SigningKey::SigningKey() : state_(std::make_unique<State>()) {}
SigningKey::~SigningKey() = default;
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;

SigningKey SigningKey::open(const fs::path& file) {
  if (!fs::exists(file)) write_private_file(file, hexadecimal(random_bytes(kKeyBytes)) + "\n");
  require_private(file);
  const auto secret = from_hexadecimal(trim(read_file(file)));
  if (!secret || secret->size() != kKeyBytes)
    fail(Fault::storage, file.string() + ": damaged; restore it from a backup");
  SigningKey made;
  made.state_->key.reset(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(*secret), secret->size()));
  ensure(made.state_->key != nullptr, "a key of 32 bytes is a key");
  return made;
}

std::string SigningKey::public_key() const {
  std::array<unsigned char, kKeyBytes> bytes{};
  std::size_t size = bytes.size();
  ensure(EVP_PKEY_get_raw_public_key(state_->key.get(), bytes.data(), &size) == 1, "it has a half");
  return hexadecimal({reinterpret_cast<const char*>(bytes.data()), size});
}

std::string SigningKey::sign(std::string_view bytes) const {
  const Context context(EVP_MD_CTX_new());
  std::array<unsigned char, kSignatureBytes> signature{};
  std::size_t size = signature.size();
  ensure(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, state_->key.get()) == 1 &&
             EVP_DigestSign(context.get(), signature.data(), &size, bytes_of(bytes),
                            bytes.size()) == 1,
         "Ed25519 signs");
  return hexadecimal({reinterpret_cast<const char*>(signature.data()), size});
}

bool is_signed(std::string_view bytes, const std::string& signature,
               const std::string& public_key) {
  const auto raw = from_hexadecimal(public_key), mark = from_hexadecimal(signature);
  if (!raw || !mark || raw->size() != kKeyBytes || mark->size() != kSignatureBytes) return false;
  const Key key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(*raw), raw->size()));
  const Context context(EVP_MD_CTX_new());
  return key && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(*mark), mark->size(), bytes_of(bytes),
                          bytes.size()) == 1;
}

}  // namespace cangong
