#include "serve/own_key.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/error.h"
#include "base/secret_file.h"
#include "base/text.h"
#include "serve/jwt.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

constexpr int kBytes = 48;  // of a coordinate of P-384

std::string pem_of(EVP_PKEY* key) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
  ensure(PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
         "a key can be written");
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string bytes_of(const BIGNUM* number) {
  std::string bytes(kBytes, '\0');
  ensure(BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), kBytes) == kBytes,
         "a number of P-384 has 48 bytes");
  return bytes;
}

std::string coordinate(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  ensure(EVP_PKEY_get_bn_param(key, name, &number) == 1, "a key has two coordinates");
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> freed(number, &BN_free);
  return base64url(bytes_of(number));
}

// r and s beside each other (RFC 7518, section 3.4) of the DER that OpenSSL makes.
std::string raw_signature(const std::string& der) {
  const auto* begin = reinterpret_cast<const unsigned char*>(der.data());
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> signature(
      d2i_ECDSA_SIG(nullptr, &begin, static_cast<long>(der.size())), &ECDSA_SIG_free);
  ensure(signature != nullptr, "a signature is one");
  return bytes_of(ECDSA_SIG_get0_r(signature.get())) + bytes_of(ECDSA_SIG_get0_s(signature.get()));
}

}  // namespace

struct OwnKey::State {
  Key key{nullptr, &EVP_PKEY_free};
  std::string x, y, kid;
};

OwnKey::OwnKey() : state_(std::make_unique<State>()) {}
OwnKey::~OwnKey() = default;
OwnKey::OwnKey(OwnKey&&) noexcept = default;

OwnKey OwnKey::open(const fs::path& pem) {
  if (!fs::exists(pem)) {
    const Key made(EVP_EC_gen("P-384"), &EVP_PKEY_free);
    ensure(made != nullptr, "a key can be made");
    write_private_file(pem, pem_of(made.get()));
  }
  require_private(pem);
  const std::string text = read_file(pem);
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free);
  OwnKey own;
  own.state_->key.reset(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  if (!own.state_->key || EVP_PKEY_get_base_id(own.state_->key.get()) != EVP_PKEY_EC ||
      EVP_PKEY_get_bits(own.state_->key.get()) != 8 * kBytes)
    fail(Fault::storage, pem.string() + " is no EC key of P-384; restore it, or move it away");
  own.state_->x = coordinate(own.state_->key.get(), OSSL_PKEY_PARAM_EC_PUB_X);
  own.state_->y = coordinate(own.state_->key.get(), OSSL_PKEY_PARAM_EC_PUB_Y);
  const std::string print =
      R"({"crv":"P-384","kty":"EC","x":")" + own.state_->x + R"(","y":")" + own.state_->y + "\"}";
  own.state_->kid = base64url(from_hexadecimal(digest_of(print)).value_or(""));
  return own;
}

std::string OwnKey::jwks() const {
  return Json{{"keys",
               {{{"kty", "EC"},
                 {"crv", "P-384"},
                 {"alg", "ES384"},
                 {"use", "sig"},
                 {"kid", state_->kid},
                 {"x", state_->x},
                 {"y", state_->y}}}}}
      .dump();
}

std::string OwnKey::sign(const std::string& claims) const {
  const Json head{{"alg", "ES384"}, {"kid", state_->kid}, {"typ", "JWT"}};
  const std::string text = base64url(head.dump()) + "." + base64url(claims);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  std::string der(256, '\0');
  std::size_t size = der.size();
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  ensure(
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha384(), nullptr, state_->key.get()) == 1 &&
          EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(der.data()), &size, bytes,
                         text.size()) == 1,
      "a text can be signed");
  der.resize(size);
  return text + "." + base64url(raw_signature(der));
}

}  // namespace cangong
