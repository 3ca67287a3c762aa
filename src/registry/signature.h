// Ed25519 (RFC 8032): who wrote a trail. Keys lie in files that their owner alone may read.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"

namespace cangong {

class SigningKey {
 public:
  // Made where there is none. Throws Fault::denied where others may read the file.
  static SigningKey open(const fs::path& file);
  ~SigningKey();
  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;

  // Both as hexadecimal digits.
  std::string public_key() const;
  std::string sign(std::string_view bytes) const;

 private:
  SigningKey();
  struct State;
  std::unique_ptr<State> state_;
};

bool is_signed(std::string_view bytes, const std::string& signature, const std::string& public_key);

}  // namespace cangong
