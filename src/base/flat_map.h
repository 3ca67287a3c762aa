// A map from 64-bit hashes to small values that stays small with tens of millions of entries: two
// flat arrays, linear probing. Nothing is ever taken out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace cangong {

// The key 0 stands for an empty place and is not stored.
template <class Value>
class FlatMap {
 public:
  std::size_t size() const { return size_; }

  // Asks the memory for what find() will look at, so that other work can go on meanwhile.
  void expect(std::uint64_t key) const {
    if (!keys_.empty()) __builtin_prefetch(&keys_[start_of(key)]);
  }

  // Null where the key is not there. Valid until the next insert.
  const Value* find(std::uint64_t key) const {
    if (keys_.empty() || key == 0) return nullptr;
    const std::size_t at = place_of(key);
    return keys_[at] == key ? &values_[at] : nullptr;
  }

  // False, changing nothing, where the key is there already or is 0.
  bool insert(std::uint64_t key, const Value& value) {
    if (key == 0) return false;
    if (size_ * 3 >= keys_.size() * 2) grow();
    const std::size_t at = place_of(key);
    if (keys_[at] == key) return false;
    keys_[at] = key;
    values_[at] = value;
    ++size_;
    return true;
  }

 private:
  std::size_t start_of(std::uint64_t key) const {
    return static_cast<std::size_t>(key * 0x9e3779b97f4a7c15u >> 20) & (keys_.size() - 1);
  }

  std::size_t place_of(std::uint64_t key) const {
    std::size_t at = start_of(key);
    while (keys_[at] != 0 && keys_[at] != key) at = (at + 1) & (keys_.size() - 1);
    return at;
  }

  void grow() {
    auto keys =
        std::exchange(keys_, std::vector<std::uint64_t>(keys_.empty() ? 64 : keys_.size() * 2));
    auto values = std::exchange(values_, std::vector<Value>(keys_.size()));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] == 0) continue;
      const std::size_t at = place_of(keys[i]);
      keys_[at] = keys[i];
      values_[at] = std::move(values[i]);
    }
  }

  std::vector<std::uint64_t> keys_;
  std::vector<Value> values_;
  std::size_t size_ = 0;
};

}  // namespace cangong
