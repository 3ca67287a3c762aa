#include "base/json_members.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace cangong {
namespace {

TEST(JsonMembers, StandAsTheyWereWritten) {
  const std::string text =
      R"( {"a": 1.50 , "b" : {"c": [1, 2]} ,"d":[ {"e":null} ], "f\"": "x\n" } )";
  const auto members = json_members(text);
  ASSERT_EQ(members.size(), 4u);
  EXPECT_EQ(members[0].second, "1.50");
  EXPECT_EQ(members[1].second, R"({"c": [1, 2]})");
  EXPECT_EQ(members[2].second, R"([ {"e":null} ])");
  EXPECT_EQ(members[3].first, "f\"");
  EXPECT_EQ(*find_member(members, "a"), "1.50");
  EXPECT_EQ(find_member(members, "z"), nullptr);
  for (const auto& [name, value] : members) {
    EXPECT_GE(value.data(), text.data());
    EXPECT_LE(value.data() + value.size(), text.data() + text.size());
  }
}

TEST(JsonMembers, Items) {
  EXPECT_EQ(json_items(R"([1, "two", [3], {}])"),
            (std::vector<std::string_view>{"1", "\"two\"", "[3]", "{}"}));
  EXPECT_TRUE(json_items("[]").empty());
}

TEST(JsonMembers, StringsAreUnescaped) {
  EXPECT_EQ(json_string(R"("a\"b\u4e2d")"), "a\"b中");
}

TEST(JsonMembers, RefuseWhatIsNot) {
  for (const char* text : {"", "{", "{\"a\"", "[1", "1", "{\"a\":}", "nul", "{} x", "\"a\" 1"}) {
    EXPECT_THROW((void)json_members(text), Error) << text;
    EXPECT_THROW((void)json_string(text), Error) << text;
  }
  EXPECT_THROW((void)json_items("{}"), Error);
  EXPECT_THROW((void)json_items("[1] 2"), Error);
}

}  // namespace
}  // namespace cangong
