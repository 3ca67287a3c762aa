// URLs of the way out: https alone, nothing in them that a header could break on.
#include "base/error.h"
#include "base/text.h"
#include "serve/outbound.h"

namespace cangong {
namespace {

constexpr std::size_t kLongestUrl = 8000;

bool is_host(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  for (const char c : host)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '-') return false;
  return true;
}

bool is_address6(std::string_view host) {
  return !host.empty() && host.find_first_not_of("0123456789abcdef:.") == std::string_view::npos;
}

}  // namespace

std::string HttpsUrl::authority() const {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port;
}

HttpsUrl parse_https_url(std::string_view url) {
  constexpr std::string_view kScheme = "https://";
  const auto require = [](bool holds, const char* rule) {
    if (!holds) fail(Fault::input, std::string("not an address that can be asked: ") + rule);
  };
  require(url.size() <= kLongestUrl, "it is longer than 8,000 characters");
  require(lower(url.substr(0, kScheme.size())) == kScheme, "it begins with https://");
  for (const char c : url)
    require(c > ' ' && c < 127, "other characters than printable ASCII are written as %XX");
  url.remove_prefix(kScheme.size());
  url = url.substr(0, url.find('#'));
  const std::size_t slash = url.find_first_of("/?\\");
  std::string authority = lower(url.substr(0, slash));
  HttpsUrl parsed;
  parsed.target = slash == std::string_view::npos ? "/" : std::string(url.substr(slash));
  if (parsed.target.front() != '/') parsed.target.insert(0, "/");
  const bool six = authority.starts_with('[');
  const std::size_t end = six ? authority.find(']') : authority.find(':');
  require(!six || end != std::string::npos, "an IPv6 address stands in brackets");
  parsed.host = six ? authority.substr(1, end - 1) : authority.substr(0, end);
  std::string rest = end == std::string::npos ? "" : authority.substr(end + (six ? 1 : 0));
  require(six ? is_address6(parsed.host) : is_host(parsed.host), "its host is a name or address");
  parsed.port = rest.empty() ? "443" : rest.substr(1);
  const auto port = parse_integer(parsed.port);
  require((rest.empty() || rest.front() == ':') && port && *port >= 1 && *port <= 65535,
          "its port is 1 to 65535");
  parsed.port = std::to_string(*port);
  return parsed;
}

std::string resolve_redirect(const HttpsUrl& from, std::string_view location) {
  if (location.find("://") != std::string_view::npos) return std::string(location);
  const std::string base = "https://" + from.authority();
  if (location.starts_with("//")) return "https:" + std::string(location);
  if (location.starts_with('/')) return base + std::string(location);
  const std::string path = from.target.substr(0, from.target.find('?'));
  return base + path.substr(0, path.rfind('/') + 1) + std::string(location);
}

}  // namespace cangong
