#include "base/flat_map.h"

#include <gtest/gtest.h>

#include <unordered_map>

#include "base/random.h"

namespace cangong {
namespace {

TEST(FlatMap, AgreesWithAPlainMap) {
  FlatMap<int> flat;
  std::unordered_map<std::uint64_t, int> plain;
  Random random(2);
  for (int i = 0; i < 20000; ++i) {
    const auto key = std::uint64_t{random.below(9000)} << 40;  // many share their low bits
    EXPECT_EQ(flat.insert(key, i), key != 0 && plain.emplace(key, i).second);
  }
  EXPECT_EQ(flat.size(), plain.size());
  for (const auto& [key, value] : plain) {
    ASSERT_NE(flat.find(key), nullptr);
    EXPECT_EQ(*flat.find(key), value);
  }
  EXPECT_EQ(flat.find(12345), nullptr);
  EXPECT_EQ(flat.find(0), nullptr);
}

}  // namespace
}  // namespace cangong
