// The dictionary of codes: each distinct string once, known by a small number.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cangong {

using CodeId = std::uint32_t;

// Numbers are given in order of first use and never change.
class CodeBook {
 public:
  CodeBook() = default;
  CodeBook(const CodeBook&) = delete;
  CodeBook& operator=(const CodeBook&) = delete;
  CodeBook(CodeBook&&) = default;
  CodeBook& operator=(CodeBook&&) = default;

  CodeId intern(std::string_view code) {
    const auto found = ids_.find(code);
    if (found != ids_.end()) return found->second;
    const auto id = static_cast<CodeId>(names_.size());
    names_.emplace_back(code);
    ids_.emplace(names_.back(), id);
    return id;
  }

  std::optional<CodeId> find(std::string_view code) const {
    const auto found = ids_.find(code);
    if (found == ids_.end()) return std::nullopt;
    return found->second;
  }

  const std::string& name(CodeId id) const { return names_.at(id); }
  std::size_t size() const { return names_.size(); }

 private:
  std::deque<std::string> names_;  // a deque: views of its strings stay valid
  std::unordered_map<std::string_view, CodeId> ids_;
};

}  // namespace cangong
