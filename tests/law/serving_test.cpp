// What a service computes is what training computed: the same features, to the bit.
#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "base/error.h"
#include "base/random.h"
#include "engine/engine.h"
#include "engine/hospital.h"
#include "timeline/identities.h"

namespace cangong {
namespace {

class Serving : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempFolder();
    SynthesizeRequest make;
    make.patients = 1500, make.seed = 11, make.into = home() / "store", make.threads = 2;
    synthesize(make);
    const fs::path study = fs::path(CANGONG_SOURCE_DIR) / "studies" / "synthetic-heart";
    LabelRequest label;
    label.tasks = {study / "task.yaml"}, label.store = home() / "store";
    label.out = folder_->path() / "labels";
    label_data(label);
    TrainRequest train;
    write_file(folder_->path() / "recipe.yaml",
               "name: x\nencoder: {windows: [30d, 730d, all], aggregates: [last, mean, min, max, "
               "count], min_patients: 5}\nmodel: {kind: trees, rounds: 5}\n"
               "split: {by: random, tuning: 0.2, held_out: 0.2}\nhorizon: 1826d\nbaselines: []\n");
    train.recipe = folder_->path() / "recipe.yaml", train.store = home() / "store";
    train.labels = label.out, train.out = folder_->path() / "models" / "m";
    train_model(train);
    pipeline_ = new Pipeline(read_pipeline(Bundle::open(train.out)));
  }
  static void TearDownTestSuite() {
    delete pipeline_;
    delete folder_;
  }
  static fs::path home() { return folder_->path() / "home"; }
  static TempFolder* folder_;
  static Pipeline* pipeline_;
};
TempFolder* Serving::folder_ = nullptr;
Pipeline* Serving::pipeline_ = nullptr;

// 10,000 patients and moments, also long before and after the record.
std::vector<LabelRow> moments(const Store& store, std::size_t n) {
  std::vector<PatientId> patients;
  store.each(Columns::none, [&](const Timeline& t) { patients.push_back(t.patient()); });
  Random random(4);
  std::vector<LabelRow> rows;
  for (std::size_t i = 0; i < n; ++i) {
    const auto day = static_cast<int>(random.uniform() * 365 * 40);
    rows.push_back(
        {patients[static_cast<std::size_t>(random.uniform() *
                                           static_cast<double>(patients.size()))],
         Time(std::chrono::sys_days(std::chrono::year(1995) / 1 / 1)) + std::chrono::days(day),
         std::nullopt});
  }
  return rows;
}

std::vector<Entry> served(const Pipeline& pipeline, const Timeline& timeline, Time when) {
  const History history = timeline.until(when);
  std::vector<Entry> row;
  pipeline.encoder->session(history.codes())->encode(history, row);
  return row;
}

bool same(std::span<const Entry> a, std::span<const Entry> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Entry& x, const Entry& y) {
    return x.column == y.column && std::memcmp(&x.value, &y.value, sizeof x.value) == 0;
  });
}

TEST_F(Serving, FeaturesAreThoseOfTraining) {
  const Store store = Store::open(home() / "store");
  const auto rows = moments(store, 10000);
  const Batch trained = encode(*pipeline_->encoder, StoreHistories(store, rows), 2);
  Hospital hospital(home(), home() / "live.db");
  std::map<PatientId, Hospital::Record> records;
  std::size_t different = 0, filled = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto known = records.find(rows[i].patient);
    if (known == records.end())
      known = records.emplace(rows[i].patient, hospital.record(rows[i].patient)).first;
    const auto row = served(*pipeline_, known->second.timeline, rows[i].when);
    const std::span<const Entry> before(trained.entries.data() + trained.offsets[i],
                                        trained.offsets[i + 1] - trained.offsets[i]);
    different += !same(row, before);
    filled += before.size() > 3;
  }
  EXPECT_EQ(different, 0u);
  EXPECT_GT(filled, 4000u);  // there was something to compare
}

// The same people as FHIR resources that arrive one by one.
TEST_F(Serving, SoAreThoseOfWhatArrivedOneByOne) {
  SynthesizeRequest make;
  make.patients = 60, make.seed = 12, make.threads = 2, make.format = "fhir";
  make.into = folder_->path() / "export";
  synthesize(make);
  ImportRequest import;
  import.format = "fhir", import.source.path = make.into;
  import.store = folder_->path() / "imported";
  import_data(import);
  const Store store = Store::open(import.store);
  Hospital hospital(folder_->path() / "live", folder_->path() / "live" / "live.db");
  std::vector<fs::path> files;
  for (const char* first : {"Patient", "Encounter", ""})
    for (const fs::path& file : files_below(make.into))
      if (std::find(files.begin(), files.end(), file) == files.end() &&
          file.filename().string().starts_with(first) && file.extension() == ".ndjson")
        files.push_back(file);
  std::size_t resources = 0;
  hospital.live().write([&](Database& database) {
    for (const fs::path& file : files) {
      LineReader lines(file);
      while (const auto line = lines.next()) {
        const std::string json(line->text);
        const std::size_t at = json.find("\"id\":\"") + 6;
        hospital.arrive(database, {json, "", json.substr(at, json.find('"', at) - at)}, now());
        ++resources;
      }
    }
  });
  EXPECT_GT(resources, 5000u);
  const Identities bulk = Identities::open(import.store);
  std::size_t different = 0, compared = 0;
  for (const LabelRow& row : moments(store, 600)) {
    const auto id = bulk.value_of(row.patient, "fhir:Patient");
    ASSERT_TRUE(id);
    const auto live = hospital.find(*id);
    ASSERT_TRUE(live);
    const auto a = served(*pipeline_, store.patient(row.patient), row.when);
    const auto b = served(*pipeline_, hospital.record(*live).timeline, row.when);
    different += !same(a, b);
    compared += a.size() > 3;
  }
  EXPECT_EQ(different, 0u);
  EXPECT_GT(compared, 200u);
}

}  // namespace
}  // namespace cangong
