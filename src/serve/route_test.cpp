#include "serve/route.h"

#include <gtest/gtest.h>

namespace cangong {
namespace {

TEST(Routes, OperationsAreNoNames) {
  EXPECT_EQ(match_route("POST", "/fhir/Patient/1/$predict").route->handle, predict_patient);
  EXPECT_EQ(match_route("GET", "/fhir/Patient/1").parts,
            (std::vector<std::string>{"Patient", "1"}));
  EXPECT_EQ(match_route("GET", "/fhir/Patient/a%2Fb").parts[1], "a/b");
  EXPECT_EQ(match_route("POST", "/fhir/$predict").route->handle, predict_inline);
  EXPECT_FALSE(match_route("GET", "/fhir/Patient/1/$delete-all").route);
  EXPECT_FALSE(match_route("GET", "/fhir/Patient/%").route);
  EXPECT_FALSE(match_route("GET", "fhir").route);
  const Match wrong = match_route("PATCH", "/fhir/Patient/1");
  EXPECT_FALSE(wrong.route);
  EXPECT_EQ(wrong.methods.size(), 3u);
}

TEST(Routes, EachPermissionHasARole) {
  for (const Route& route : routes()) EXPECT_NE(roles_with(route.permission), 0u) << route.pattern;
  EXPECT_FALSE(allows(static_cast<Roles>(Role::admin), Permission::read_patients));
  EXPECT_FALSE(allows(Role::clinician | Role::scientist, Permission::manage));
}

}  // namespace
}  // namespace cangong
