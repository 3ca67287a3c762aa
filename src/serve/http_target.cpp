// What a request asks for: the path and the query of its target, its headers by name.
#include <simdjson.h>

#include "base/text.h"
#include "serve/http.h"

namespace cangong {

bool take_target(std::string_view target, Request& request) {
  request.target = target;
  if (!target.starts_with('/')) return false;
  const std::size_t mark = target.find('?');
  const auto path = decode_url(target.substr(0, mark), '+');
  if (!path || path->find('\0') != std::string::npos) return false;
  request.path = *path;
  if (mark == std::string_view::npos) return true;
  auto pairs = decode_pairs(target.substr(mark + 1));
  if (pairs) request.query = std::move(*pairs);
  return pairs.has_value();
}

std::optional<Pairs> decode_pairs(std::string_view text) {
  Pairs pairs;
  for (const std::string_view pair : split(text, '&')) {
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    auto name = decode_url(pair.substr(0, equals), ' ');
    auto value =
        equals == std::string_view::npos ? std::string() : decode_url(pair.substr(equals + 1), ' ');
    if (!name || !value) return std::nullopt;
    pairs.emplace_back(std::move(*name), std::move(*value));
  }
  return pairs;
}

const std::string& Request::header(std::string_view name) const {
  static const std::string kNone;
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return kNone;
}

std::string media_type(const Request& request, std::string_view header) {
  const std::string& all = request.header(header);
  return lower(trim(std::string_view(all).substr(0, all.find(';'))));
}

std::optional<std::string> Request::asked(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name) return value;
  return std::nullopt;
}

std::optional<std::string> decode_url(std::string_view text, char blank) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += blank;
    } else if (text[i] == '%') {
      const auto byte = from_hexadecimal(lower(text.substr(i + 1, 2)));
      if (!byte || byte->size() != 1) return std::nullopt;
      out += *byte;
      i += 2;
    } else {
      out += text[i];
    }
  }
  if (!simdjson::validate_utf8(out)) return std::nullopt;
  return out;
}

std::string encode_url(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || std::string_view("-._~").find(c) != std::string_view::npos)
      out += c;
    else
      out += "%" + hexadecimal({&c, 1});
  }
  return out;
}

}  // namespace cangong
