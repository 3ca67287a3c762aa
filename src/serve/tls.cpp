#include "serve/tls.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "base/digest.h"
#include "base/error.h"
#include "base/secret_file.h"
#include "base/text.h"
#include "registry/signature.h"

namespace cangong {
namespace {

struct FreeTls {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(BIO* p) const { BIO_free(p); }
};
template <class T>
using OwnedTls = std::unique_ptr<T, FreeTls>;

std::string text_of(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

void add_extension(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  ensure(extension != nullptr, "the extension is well formed");
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

std::string host() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

void make(const TlsFiles& files) {
  const OwnedTls<EVP_PKEY> key(EVP_EC_gen("P-256"));
  const OwnedTls<X509> certificate(X509_new());
  ensure(key && certificate, "OpenSSL makes a key");
  X509_set_version(certificate.get(), X509_VERSION_3);
  const std::string serial = random_bytes(8);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()),
                          std::stoull(hexadecimal(serial), nullptr, 16) >> 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 730L * 86400);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  const std::string common = host().substr(0, 64);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  add_extension(certificate.get(), NID_subject_alt_name,
                "DNS:localhost,IP:127.0.0.1,IP:::1,DNS:" + common);
  add_extension(certificate.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(certificate.get(), NID_ext_key_usage, "serverAuth");
  ensure(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0, "OpenSSL signs");
  const OwnedTls<BIO> secret(BIO_new(BIO_s_mem())), open(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  PEM_write_bio_X509(open.get(), certificate.get());
  write_private_file(files.key, text_of(secret.get()));
  write_file(files.certificate, text_of(open.get()));
}

}  // namespace

TlsFiles tls_files(const fs::path& keys) {
  const TlsFiles files{keys / "tls.crt", keys / "tls.key"};
  if (!fs::exists(files.certificate) && !fs::exists(files.key)) make(files);
  require_private(files.key);
  return files;
}

std::string fingerprint(const fs::path& file) {
  const std::string pem = read_file(file);
  const OwnedTls<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const OwnedTls<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  std::array<unsigned char, 32> sum{};
  unsigned size = 0;
  if (!certificate || !X509_digest(certificate.get(), EVP_sha256(), sum.data(), &size)) return "";
  return hexadecimal({reinterpret_cast<const char*>(sum.data()), size});
}

}  // namespace cangong
