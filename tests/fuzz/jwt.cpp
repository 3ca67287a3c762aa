// Any bytes as a set of keys and as a token: keys, a token, or an Error; never one that is
// verified.
#include "serve/jwt.h"

#include <array>

#include "base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cangong;
  const std::string text(reinterpret_cast<const char*>(data), size);
  constexpr std::array kAll{JwtAlgorithm::rs256, JwtAlgorithm::rs384, JwtAlgorithm::es256,
                            JwtAlgorithm::es384};
  static const KeySet kKeys = KeySet::parse(
      R"({"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
      R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})");
  const auto attempt = [&](const auto& parse) {
    try {
      parse();
      return true;
    } catch (const Error& error) {
      ensure(error.fault == Fault::input || error.fault == Fault::denied, error.what());
      return false;
    }
  };
  attempt([&] { (void)KeySet::parse(text); });
  attempt([&] { (void)read_unverified(text); });
  // In 1970 the one token that this key is known to have signed (RFC 7515, A.3) is good.
  const bool good = attempt([&] { (void)verify_jwt(text, kKeys, kAll, Time()); });
  ensure(!good || text.find("DtEhU3ljbEg8L38VWAfUAqOyKAM6") != std::string::npos,
         "nothing is verified that nobody signed");
  if (const auto bytes = from_base64url(text))
    ensure(base64url(*bytes) == text, "base64url has one form");
  return 0;
}
