#include "timeline/identities.h"

#include <gtest/gtest.h>

namespace cangong {
namespace {

// The last one's, too: an empty map is written.
TEST(Identities, AForgottenPatientIsInNoFile) {
  const TempFolder folder;
  Identities made = Identities::open(folder.path());
  const PatientId first = made.number("urn:mrn", "4711"), second = made.number("urn:b", "4711");
  made.save();
  EXPECT_EQ(made.find_all("4711"), (std::set<PatientId>{first, second}));
  for (const auto& [patient, system] : {std::pair(first, "urn:mrn"), {second, "urn:b"}}) {
    Identities identities = Identities::open(folder.path());
    ASSERT_TRUE(identities.knows(patient));
    EXPECT_EQ(identities.forget(patient), 1u);
    identities.save();
    const Identities again = Identities::open(folder.path());
    EXPECT_FALSE(again.knows(patient));
    EXPECT_FALSE(again.find(system, "4711"));
  }
  EXPECT_EQ(read_file(folder.path() / "identities" / "map.tsv").find("4711"), std::string::npos);
}

}  // namespace
}  // namespace cangong
