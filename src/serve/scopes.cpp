#include "serve/scopes.h"

#include <algorithm>

#include "base/text.h"

namespace cangong {
namespace {

// "rs" of "rs" or "read"; nothing where the letters are none, or not in their order.
std::optional<std::string> letters_of(std::string_view text) {
  if (text == "read") return "rs";
  if (text == "write") return "cud";
  if (text == "*") return "cruds";
  std::size_t at = 0;
  for (const char letter : text) {
    at = std::string_view("cruds").find(letter, at);
    if (at == std::string_view::npos) return std::nullopt;
    ++at;
  }
  return text.empty() ? std::nullopt : std::optional(std::string(text));
}

bool is_type(std::string_view text) {
  return text == "*" || (!text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
         }));
}

}  // namespace

std::optional<Scopes> Scopes::parse(std::string_view text) {
  constexpr std::string_view kSystem = "system/";
  Scopes scopes;
  for (std::string_view word : split(text, ' ')) {
    if (word.empty()) continue;
    if (!word.starts_with(kSystem)) return std::nullopt;
    if (!scopes.text_.empty()) scopes.text_ += ' ';
    scopes.text_ += word;
    word.remove_prefix(kSystem.size());
    const std::size_t dot = word.find('.');
    if (dot == std::string_view::npos || !is_type(word.substr(0, dot))) return std::nullopt;
    auto letters = letters_of(word.substr(dot + 1));
    if (!letters) return std::nullopt;
    scopes.all_.push_back({std::string(word.substr(0, dot)), std::move(*letters)});
  }
  if (scopes.all_.empty()) return std::nullopt;
  return scopes;
}

bool Scopes::allow(std::string_view type, char letter) const {
  return std::any_of(all_.begin(), all_.end(), [&](const One& one) {
    return (one.type == "*" || one.type == type) && one.letters.find(letter) != std::string::npos;
  });
}

bool Scopes::allow_all(std::string_view type, std::string_view letters) const {
  return std::all_of(letters.begin(), letters.end(),
                     [&](char letter) { return allow(type, letter); });
}

bool Scopes::within(const Scopes& other) const {
  return std::all_of(all_.begin(), all_.end(),
                     [&](const One& one) { return other.allow_all(one.type, one.letters); });
}

}  // namespace cangong
