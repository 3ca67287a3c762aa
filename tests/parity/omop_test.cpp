// OMOP: the cohorts of OHDSI's Eunomia (CreateCohortTable.sql) counted on its GiBleed data.
#include <gtest/gtest.h>

#include <map>

#include "../shared_data.h"
#include "engine/engine.h"

namespace cangong {
namespace {

class Cohorts {
 public:
  explicit Cohorts(const fs::path& store) : store_(Store::open(store)) {}

  // The first time that each patient has the code.
  std::map<PatientId, Time> first(const std::string& code) const {
    std::map<PatientId, Time> found;
    const auto id = store_.codes().find(code);
    if (!id) return found;
    store_.each(Columns::none, [&](const Timeline& timeline) {
      for (const Event& event : timeline.events())
        if (event.code == *id && event.time) found.emplace(timeline.patient(), *event.time);
    });
    return found;
  }

 private:
  Store store_;
};

TEST(Omop, EunomiaCohorts) {
  NEEDS_SHARED_DATA("eunomia-gibleed-omop");
  const TempFolder folder;
  ImportRequest request;
  request.format = "omop";
  request.source.path = shared_data() / "eunomia-gibleed-omop" / "cdm";
  request.store = folder.path() / "store";
  const Tally tally = import_data(request).tally;
  EXPECT_EQ(tally.rows, tally.accepted + tally.rejected + tally.skipped);
  EXPECT_EQ(tally.subjects, 2694u);
  EXPECT_EQ(tally.reasons.at("refers to a person who is not in PERSON"), 2649u);

  const Cohorts cohorts(request.store);
  const auto celecoxib = cohorts.first("DRUG_ERA_START//RXNORM//140587");
  const auto diclofenac = cohorts.first("DRUG_ERA_START//RXNORM//3355");
  const auto bleed = cohorts.first("SNOMED//74474003");
  EXPECT_EQ(celecoxib.size(), 1844u);
  EXPECT_EQ(diclofenac.size(), 850u);
  EXPECT_EQ(bleed.size(), 479u);
  for (const auto& [patient, time] : celecoxib) EXPECT_FALSE(diclofenac.contains(patient));
  const auto after = [&](const auto& exposed) {
    std::size_t count = 0;
    for (const auto& [patient, start] : exposed) {
      const auto found = bleed.find(patient);
      if (found == bleed.end()) continue;
      EXPECT_GT(found->second, start);
      ++count;
    }
    return count;
  };
  EXPECT_EQ(after(celecoxib), 355u);
  EXPECT_EQ(after(diclofenac), 124u);
}

}  // namespace
}  // namespace cangong
