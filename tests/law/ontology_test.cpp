// Terminologies lend the store's codes their parents, and the encoder counts what stands under
// them.
#include <gtest/gtest.h>

#include "encode/roll_up.h"
#include "engine/engine.h"
#include "timeline/store_writer.h"

namespace cangong {
namespace {

constexpr const char* kTable =
    "code\tkind\tparent\tleaf\tdescription\n4\tchapter\t\t0\tEndocrine\nE08-"
    "E13\tblock\t4\t0\tDiabetes\n"
    "E10\tcategory\tE08-E13\t0\tType 1\nE11\tcategory\tE08-E13\t0\tType 2\n"
    "E11.9\tsubcategory\tE11\t1\tType 2, plain\nE11.2\tsubcategory\tE11\t1\tType 2, kidney\n"
    "I10\tcategory\t\t1\tHypertension\n";
constexpr const char* kObo =
    "format-version: 1.2\n\n[Term]\nid: HP:0000118\nname: Phenotypic abnormality\n\n[Term]\n"
    "id: HP:0012622\nname: Chronic kidney disease\nis_a: HP:0000118 ! Phenotypic abnormality\n"
    "xref: SNOMEDCT_US:709044004\n\n[Term]\nid: HP:9999999\nname: old\nis_obsolete: true\n";

struct Wards {
  TempFolder folder;
  fs::path store = folder.path() / "s";

  Wards() {
    StoreWriter writer(store, {});
    const char* codes[] = {"ICD10CM//E11.9", "DIAGNOSIS//ICD//10//E112", "ICD10CM//E10",
                           "HPO//HP:0012622"};
    for (int i = 0; i < 40; ++i)
      for (int k = 0; k <= i % 4; ++k) {
        Event event;
        event.code = writer.codes().intern(codes[k]);
        event.time = Time(std::chrono::days(k + i % 3));
        writer.add(PatientId(i), event);
      }
    writer.commit();
  }

  Tally import(const std::string& name, const std::string& text, const std::string& codes = "") {
    write_file(folder.path() / name, text);
    ImportRequest request;
    request.format = "ontology";
    request.source.path = folder.path() / name;
    request.source.codes = codes;
    request.store = store;
    return import_data(request).tally;
  }

  bool stands_below(const std::string& code, const std::string& above) const {
    const Store open = Store::open(store);
    const Groups groups = groups_of(open.codes(), open.code_infos());
    const auto found = groups.find(above);
    return found != groups.end() &&
           std::count(found->second.begin(), found->second.end(), code) == 1;
  }
};

TEST(Ontology, TablesGiveParentsToTheCodesInUse) {
  Wards hospital;
  const Tally tally = hospital.import("icd10cm.tsv", kTable);
  EXPECT_EQ(tally.rows, 7u);
  EXPECT_EQ(tally.accepted, 5u);  // E11.9, E11, E10, the block and the chapter
  EXPECT_EQ(tally.skipped, 2u);
  EXPECT_TRUE(hospital.stands_below("ICD10CM//E11.9", "ICD10CM//E08-E13"));
  EXPECT_TRUE(hospital.stands_below("ICD10CM//E10", "ICD10CM//4"));
  EXPECT_FALSE(hospital.stands_below("ICD10CM//E10", "ICD10CM//E11"));
  const std::string undotted = "DIAGNOSIS//ICD//10//E112";
  EXPECT_FALSE(hospital.stands_below(undotted, "ICD10CM//E11"));
  hospital.import("icd10cm.tsv", kTable, "^DIAGNOSIS//ICD//10//(.+)$");
  EXPECT_TRUE(hospital.stands_below(undotted, "ICD10CM//E11"));
}

TEST(Ontology, OboWithoutCrossReferences) {
  Wards hospital;
  EXPECT_EQ(hospital.import("hp.obo", kObo).accepted, 2u);
  EXPECT_TRUE(hospital.stands_below("HPO//HP:0012622", "HPO//HP:0000118"));
  const Store store = Store::open(hospital.store);
  for (const CodeInfo& info : store.code_infos())
    EXPECT_EQ(info.code.find("SNOMED"), std::string::npos);
}

TEST(Ontology, TheEncoderCountsWhatStandsBelow) {
  Wards hospital;
  hospital.import("icd10cm.tsv", kTable, "^(?:DIAGNOSIS//ICD//10|ICD10CM)//(.+)$");
  const Store store = Store::open(hospital.store);
  WindowedOptions options;
  options.windows = {"2d", "all"};
  options.aggregates = {Aggregate::count, Aggregate::time_since};
  options.roll_up = true;
  std::vector<LabelRow> rows;
  for (int i = 0; i < 40; ++i) rows.push_back({PatientId(i), Time(std::chrono::days(6)), true});
  WindowedEncoder encoder(options);
  encoder.fit(StoreHistories(store, rows));
  const auto loaded = WindowedEncoder::load(encoder.save());
  for (int i = 0; i < 40; ++i) {
    const History history = store.patient(PatientId(i)).until(rows[0].when);
    std::vector<Entry> row, again;
    encoder.session(store.codes())->encode(history, row);
    loaded->session(store.codes())->encode(history, again);
    ASSERT_EQ(row.size(), again.size());
    float counted = 0;
    for (const Entry& entry : row)
      if (encoder.columns()[entry.column].name() == "ICD10CM//E08-E13+ | count | all")
        counted = entry.value;
    EXPECT_EQ(counted, static_cast<float>(std::min(i % 4 + 1, 3)));  // HPO is another tree
    for (const Entry& entry : row)
      EXPECT_FALSE(encoder.session(store.codes())->origin(history, entry.column).empty());
  }
}

}  // namespace
}  // namespace cangong
