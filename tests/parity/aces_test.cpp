// Labels equal to those that es-aces 0.7.3 found on the same records (stored, not run).
#include <algorithm>
#include <nlohmann/json.hpp>

#include "../shared_data.h"
#include "base/text.h"
#include "cohort/label.h"
#include "source/delimited_table.h"

namespace cangong {
namespace {

// A small store in memory: events by patient.
struct Records {
  CodeBook codes;
  std::map<PatientId, std::vector<Event>> events;

  void add(PatientId patient, std::optional<Time> time, std::string_view code,
           std::optional<float> number = std::nullopt) {
    Event event;
    event.time = time;
    event.code = codes.intern(code);
    event.number = number;
    events[patient].push_back(event);
  }
  void sort() {
    for (auto& [patient, rows] : events)
      std::stable_sort(rows.begin(), rows.end(),
                       [](const Event& a, const Event& b) { return a.time < b.time; });
  }
  std::vector<Realisation> realise(const Task& task) const {
    const Labeller labeller({task}, codes);
    std::vector<Realisation> all;
    for (const auto& [patient, rows] : events) {
      const auto found = labeller.realise(Timeline(patient, rows, codes, nullptr), 0);
      all.insert(all.end(), found.begin(), found.end());
    }
    return all;
  }
};

using Row = std::tuple<std::int64_t, std::string, std::string>;  // subject, time, label

std::optional<Time> time_of(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto iso = parse_moment(text, Zone());
  return (iso ? iso : parse_moment(text, "%m/%d/%Y %H:%M", Zone()))->first;
}

std::vector<std::string> cells_of(const DelimitedTable::Row& row) {
  EXPECT_EQ(row.problem, "");
  return {row.cells->begin(), row.cells->end()};
}

Records read_events(const fs::path& file) {
  Records records;
  DelimitedTable table(file, {});
  while (const auto row = table.next()) {
    const auto cells = cells_of(*row);
    const auto number = parse_number(cells[3]);
    records.add(PatientId(std::stoll(cells[0])), time_of(cells[1]), cells[2],
                number ? std::optional(static_cast<float>(*number)) : std::nullopt);
  }
  records.sort();
  return records;
}

std::vector<Row> read_golden(const fs::path& file) {
  std::vector<Row> rows;
  DelimitedTable table(file, {});
  while (const auto row = table.next()) {
    const auto cells = cells_of(*row);
    if (cells[1].empty()) continue;  // a null time: no window, or a row that MEDS forbids
    const std::string label = cells.size() > 2 ? cells[2] : "";
    const bool yes = label == "true" || label == "True" || label == "1";
    rows.emplace_back(std::stoll(cells[0]), format_time(*time_of(cells[1])),
                      label.empty() ? ""
                      : yes         ? "1"
                                    : "0");
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::vector<Row> rows_of(const std::vector<Realisation>& found) {
  std::vector<Row> rows;
  for (const auto& one : found) {
    const std::string label =
        one.row.label ? (std::get<bool>(*one.row.label) ? "1" : "0") : std::string();
    rows.emplace_back(one.row.patient.for_storage(), format_time(one.row.when), label);
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

fs::path samples() {
  return shared_data() / "aces-samples";
}

// Times and counts of each window as es-aces summed them up. `exchanged`: a backward window, whose
// start and end es-aces exchanges.
void compare_windows(const fs::path& golden, const Task& task,
                     const std::vector<Realisation>& found, bool exchanged) {
  std::map<std::pair<std::int64_t, std::string>, const Realisation*> by_trigger;
  for (const auto& one : found)
    by_trigger[{one.row.patient.for_storage(), format_time(one.trigger)}] = &one;
  std::size_t rows = 0;
  LineReader lines(golden);
  while (const auto line = lines.next()) {
    const nlohmann::json json = nlohmann::json::parse(line->text);
    if (!json.contains("trigger") || json["trigger"].is_null()) continue;
    const auto key = std::pair(json["subject_id"].get<std::int64_t>(),
                               format_time(*time_of(json["trigger"].get<std::string>())));
    ASSERT_TRUE(by_trigger.contains(key)) << golden;
    ++rows;
    for (std::size_t w = 0; w < task.windows.size(); ++w) {
      const WindowSummary& ours = by_trigger[key]->windows[w];
      bool matched = false;
      for (const char* end : {".start_summary", ".end_summary"}) {
        const std::string name = task.windows[w].name + end;
        if (!json.contains(name) || json[name].is_null()) continue;
        const nlohmann::json& theirs = json[name];
        const auto start = *time_of(theirs["timestamp_at_start"].get<std::string>());
        const auto stop = *time_of(theirs["timestamp_at_end"].get<std::string>());
        if (exchanged ? start != ours.end || stop != ours.start
                      : start != ours.start || stop != ours.end)
          continue;
        bool equal = true;
        for (std::size_t p = 0; p < task.predicates.size(); ++p)
          if (theirs.contains(task.predicates[p].name))
            equal &= theirs[task.predicates[p].name].get<std::int64_t>() == ours.counts[p];
        matched |= equal;
      }
      EXPECT_TRUE(matched) << golden << " " << task.windows[w].name << " " << line->text;
    }
  }
  EXPECT_EQ(rows, found.size()) << golden;
}

TEST(Aces, EveryRuleOfTheSemanticsTasks) {
  NEEDS_SHARED_DATA("aces-samples");
  const Records records = read_events(samples() / "semantics" / "events.csv");
  std::size_t tasks = 0;
  for (const auto& file : files_below(samples() / "semantics" / "tasks")) {
    const fs::path folder = samples() / "golden" / "semantics";
    const auto golden = folder / (file.stem().string() + ".labels.csv");
    const Task task = load_task(file);
    const auto realised = records.realise(task);
    compare_windows(folder / (file.stem().string() + ".windows.ndjson"), task, realised,
                    file.stem().string().starts_with("minus_"));
    ++tasks;
    if (task.windows.empty()) continue;  // es-aces gives no prediction time; ours is the trigger
    auto found = rows_of(realised);
    auto expected = read_golden(golden);
    if (file.stem() == "minus_24h_closed" || file.stem() == "minus_24h_open") {
      // es-aces exchanges start and end of a backward window: its index time is 24 h too early.
      for (auto& [subject, when, label] : expected)
        when = format_time(*time_of(when) + std::chrono::hours(24));
    }
    EXPECT_EQ(found, expected) << file;
  }
  EXPECT_EQ(tasks, 21u);
}

TEST(Aces, ItsOwnTestCases) {
  NEEDS_SHARED_DATA("aces-samples");
  std::size_t shards = 0;
  for (const auto& entry : fs::directory_iterator(samples() / "cases")) {
    for (const auto& file : files_below(entry.path() / "tasks")) {
      const std::string name = file.filename().string();
      if (name.find(".predicates.") != std::string::npos) continue;
      const fs::path overrides = file.parent_path() / (file.stem().string() + ".predicates.yaml");
      const Task task =
          load_task(file, fs::exists(overrides) ? std::optional(overrides) : std::nullopt);
      for (const auto& data : files_below(entry.path() / "data")) {
        const auto golden =
            entry.path() / "golden" / file.stem() / fs::relative(data, entry.path() / "data");
        EXPECT_EQ(rows_of(read_events(data).realise(task)), read_golden(golden)) << golden;
        ++shards;
      }
    }
  }
  EXPECT_EQ(shards, 17u);
}

// One row per event, one column per predicate: every count is one row of that code.
TEST(Aces, SampleTasksOnDirectData) {
  NEEDS_SHARED_DATA("aces-samples");
  Records records;
  DelimitedTable table(samples() / "direct" / "sample_data.csv", {});
  while (const auto row = table.next()) {
    const auto cells = cells_of(*row);
    const PatientId patient(std::stoll(cells[0]));
    for (std::size_t i = 2; i < cells.size(); ++i)
      for (int n = 0; n < std::stoi(cells[i]); ++n)
        records.add(patient, time_of(cells[1]), table.header()[i]);
    records.add(patient, time_of(cells[1]), "row");
  }
  records.sort();
  // The tables are given as predicates, so the task's own definitions are replaced by them.
  const TempFolder folder;
  std::string overrides = "predicates:\n";
  for (std::size_t i = 2; i < table.header().size(); ++i)
    overrides += "  " + table.header()[i] + ": {code: " + table.header()[i] + "}\n";
  overrides += "patient_demographics:\n  male: {code: male}\n";
  write_file(folder.path() / "p.yaml", overrides);
  std::size_t tasks = 0;
  for (const auto& file : files_below(samples() / "tasks")) {
    const bool male = read_file(file).find("patient_demographics") != std::string::npos;
    if (!male) {
      const std::size_t at = overrides.find("patient_demographics");
      write_file(folder.path() / "p.yaml", overrides.substr(0, at));
    } else {
      write_file(folder.path() / "p.yaml", overrides);
    }
    const auto golden = samples() / "golden" / "direct" / (file.stem().string() + ".labels.csv");
    const Task task = load_task(file, folder.path() / "p.yaml");
    const auto realised = records.realise(task);
    EXPECT_EQ(rows_of(realised), read_golden(golden)) << file;
    compare_windows(samples() / "golden" / "direct" / (file.stem().string() + ".windows.ndjson"),
                    task, realised, false);
    ++tasks;
  }
  EXPECT_EQ(tasks, 6u);
}

Records read_shard(const fs::path& file) {
  Records records;
  const ShardReader reader(file, Columns::none, records.codes);
  for (std::size_t i = 0; i < reader.blocks(); ++i) {
    const Block block = reader.read(i);
    for (std::size_t row = 0; row < block.events.size(); ++row)
      records.events[block.patients[row]].push_back(block.events[row]);
  }
  records.sort();
  return records;
}

TEST(Aces, SampleTasksOnMedsShards) {
  NEEDS_SHARED_DATA("aces-samples");
  std::size_t shards = 0;
  for (const auto& task_folder : fs::directory_iterator(samples() / "golden" / "meds")) {
    const std::string name = task_folder.path().filename().string();
    fs::path file = samples() / "tasks-meds" / (name + ".yaml");
    if (!fs::exists(file)) file = samples() / "tasks" / (name + ".yaml");
    const Task task = load_task(file);
    for (const auto& golden : files_below(task_folder)) {
      if (golden.extension() != ".parquet") continue;
      std::vector<Row> expected;
      const TempFolder one;
      fs::copy_file(golden, one.path() / "0.parquet");
      for (const auto& row : read_labels(one.path()))
        expected.emplace_back(row.patient.for_storage(), format_time(row.when),
                              row.label ? (std::get<bool>(*row.label) ? "1" : "0") : "");
      std::sort(expected.begin(), expected.end());
      const auto data = samples() / "meds" / "data" / fs::relative(golden, task_folder);
      EXPECT_EQ(rows_of(read_shard(data).realise(task)), expected) << golden;
      ++shards;
    }
  }
  EXPECT_EQ(shards, 28u);
}

// Bounds are compared as MEDS stores numbers, in single precision: 1.1 is not above 1.1.
TEST(Aces, DecimalBoundsMeetStoredNumbers) {
  Records records;
  for (const float value : {1.1f, 1.2f, 1.3f})
    records.add(PatientId(1), time_of("2020-01-0" + std::to_string(int(value * 10) - 10)), "L",
                value);
  const Task above = parse_task("predicates: {a: {code: L, value_min: 1.1}}\ntrigger: a\n", "t");
  EXPECT_EQ(records.realise(above).size(), 2u);
  const Task within = parse_task(
      "predicates: {a: {code: L, value_min: 1.3, value_min_inclusive: True}}\ntrigger: a\n", "t");
  EXPECT_EQ(records.realise(within).size(), 1u);
}

TEST(Aces, MimicDemoTasks) {
  NEEDS_SHARED_DATA("mimic-iv-demo-meds");
  const fs::path demo = shared_data() / "mimic-iv-demo-meds";
  for (const auto& file : files_below(demo / "tasks")) {
    const Task task = load_task(file);
    std::vector<Row> found;
    for (const char* split : {"train", "tuning", "held_out"}) {
      const auto rows = rows_of(read_shard(demo / "data" / split / "0.parquet").realise(task));
      found.insert(found.end(), rows.begin(), rows.end());
    }
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, read_golden(demo / "labels" / (file.stem().string() + ".csv"))) << file;
  }
}

}  // namespace
}  // namespace cangong
