// A certificate of our own for the first start; a hospital puts its own in the same place.
#pragma once

#include "base/file.h"

namespace cangong {

struct TlsFiles {
  fs::path certificate, key;
};

// keys/tls.crt and keys/tls.key; made, self-signed (ECDSA P-256, two years, this machine's name and
// loopback), where neither is there. Throws Fault::denied where others may read the key.
TlsFiles tls_files(const fs::path& keys);

// SHA-256 of the certificate, as browsers and curl show it; empty where it cannot be read.
std::string fingerprint(const fs::path& certificate);

}  // namespace cangong
