#include "base/new_id.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace cangong {
namespace {

TEST(NewId, IsAUuidOfVersion7) {
  // RFC 9562, appendix A.6: 0x017f22e279b0 milliseconds.
  const Time then(std::chrono::milliseconds(0x017f22e279b0));
  const std::string id = new_id(then), uuid = uuid_of(id);
  EXPECT_EQ(id.size(), 26u);
  EXPECT_EQ(uuid.substr(0, 14), "017f22e2-79b0-");
  EXPECT_EQ(uuid[14], '7');
  EXPECT_NE(std::string("89ab").find(uuid[19]), std::string::npos) << uuid;
  EXPECT_NE(new_id(then), id);
}

TEST(NewId, SortsByTime) {
  const Time then(std::chrono::hours(500'000));
  EXPECT_LT(new_id(then), new_id(then + std::chrono::milliseconds(1)));
}

TEST(NewId, OthersAreRefused) {
  for (const char* id : {"", "abc", "0123456789abcdefghjkmnpqri", "0123456789abcdefghjkmnpqrst"})
    EXPECT_THROW((void)uuid_of(id), Error) << id;
}

}  // namespace
}  // namespace cangong
