#include "timeline/store_writer.h"

#include <algorithm>
#include <bit>
#include <map>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/error.h"
#include "timeline/sorted_run.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kRowsPerShard = 4'000'000;
constexpr std::uint64_t kMostShards = 32;
constexpr std::size_t kLeastMemory = 1 << 16;
constexpr std::size_t kMostRuns = 64;  // that are merged at once: each holds a file and a buffer

// What an import that was killed at its very beginning leaves.
bool is_empty_but_for_ours(const fs::path& store) {
  for (const auto& entry : fs::directory_iterator(store))
    if (entry.path().filename() != ".lock" && entry.path().extension() != ".part") return false;
  return true;
}

int number_of(const fs::path& generation) {
  return std::atoi(generation.filename().string().c_str() + 4);
}

// Opens at most kMostShards files and spreads patients over them.
class Fan {
 public:
  Fan(const fs::path& folder, std::vector<bool> wanted, const CodeBook& codes)
      : wanted_(std::move(wanted)), writers_(wanted_.size()), shards_(wanted_.size()) {
    fs::create_directories(folder / "data");
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      shards_[i].file = "data/" + std::to_string(i) + ".parquet";
      if (wanted_[i]) writers_[i] = std::make_unique<ShardWriter>(folder / shards_[i].file, codes);
    }
  }

  void add(const RunRow& row) {
    const std::size_t i = shard_of(row.patient, shards_.size());
    writers_[i]->add(row.patient, row.event);
    ++shards_[i].rows;
    if (last_ != row.patient) ++shards_[i].subjects;
    last_ = row.patient;
  }

  std::vector<Inventory::Shard> finish() {
    for (std::size_t i = 0; i < shards_.size(); ++i)
      if (writers_[i]) shards_[i].digest = writers_[i]->finish();
    return std::move(shards_);
  }

 private:
  std::vector<bool> wanted_;
  std::vector<std::unique_ptr<ShardWriter>> writers_;
  std::vector<Inventory::Shard> shards_;
  std::optional<PatientId> last_;
};

}  // namespace

struct StoreWriter::State {
  fs::path store;
  WriteOptions options;
  FileLock lock;
  std::optional<fs::path> old;
  Inventory old_inventory;
  fs::path part;  // the generation in the making
  CodeBook codes;
  std::map<std::string, CodeInfo> infos;
  std::vector<bool> used;  // by code number: it stands in a row
  Splits splits;
  std::vector<PackedRow> rows;
  std::string texts;
  std::vector<fs::path> spilled;
  std::size_t spills = 0;
  std::unordered_set<std::int64_t> patients;  // whose shards are written anew
  std::unordered_set<std::int64_t> forgotten;
  std::uint64_t added = 0;
  bool synthetic = false;
  std::int64_t last_patient = 0;

  bool fresh = false;  // made by this writer, and nothing committed yet

  ~State() {
    std::error_code ignored;
    if (!part.empty()) fs::remove_all(part, ignored);
    if (fresh) {  // only while the lock is ours
      for (const char* file : {"store.json", ".lock", "identities"})
        fs::remove_all(store / file, ignored);
      fs::remove(store, ignored);
    }
  }

  // Half of the memory waits and is sorted (which takes half as much again); the rest is for
  // reading and writing.
  // Address space only: memory is taken when it is written, and growing copies nothing.
  void make_room() {
    rows.reserve(options.memory_bytes / 8 / sizeof(PackedRow));
    texts.reserve(options.memory_bytes / 8);
  }

  bool is_full() const {
    return rows.size() * sizeof(PackedRow) * 3 / 2 + texts.size() >= options.memory_bytes / 2;
  }

  fs::path next_spill() {
    fs::create_directories(part / "sort");
    return part / "sort" / std::to_string(spills++);
  }

  void spill_rows() {
    sort_rows(rows);
    spilled.push_back(next_spill());
    spill(spilled.back(), *run_in_memory(rows, texts, codes), codes);
    rows.clear();
    texts.clear();
  }

  // Merges neighbours until few enough are left to be read side by side.
  void thin_out_spilled() {
    while (spilled.size() > kMostRuns) {
      std::vector<fs::path> fewer;
      for (std::size_t i = 0; i < spilled.size(); i += kMostRuns) {
        std::vector<std::unique_ptr<SortedRun>> runs;
        const std::size_t end = std::min(i + kMostRuns, spilled.size());
        for (std::size_t j = i; j < end; ++j) runs.push_back(run_in_file(spilled[j], codes));
        fewer.push_back(next_spill());
        spill(fewer.back(), *merged(std::move(runs)), codes);
        for (std::size_t j = i; j < end; ++j) fs::remove(spilled[j]);
      }
      spilled = std::move(fewer);
    }
  }

  void load_old() {
    old = current_generation(store);
    if (!old) return;
    old_inventory = read_inventory(*old);
    for (auto& info : read_codes(*old / "metadata" / "codes.parquet")) {
      mark(codes.intern(info.code));
      infos[info.code] = std::move(info);
    }
    const fs::path file = *old / "metadata" / "subject_splits.parquet";
    if (fs::exists(file)) splits = read_splits(file);
  }

  void mark(CodeId code) {
    if (code >= used.size()) used.resize(code + 1);
    used[code] = true;
  }

  std::size_t shard_count() const {
    const std::uint64_t total = added + old_inventory.rows();
    const std::uint64_t wanted = std::bit_ceil(total / kRowsPerShard + 1);
    return std::max(std::min(wanted, kMostShards), std::uint64_t{old_inventory.shards.size()});
  }

  Inventory write_data() {
    const std::size_t count = shard_count();
    const bool same_count = old && count == old_inventory.shards.size();
    std::vector<bool> touched(count, !same_count);
    for (const std::int64_t patient : patients) touched[shard_of(PatientId(patient), count)] = true;
    Fan fan(part, touched, codes);
    std::vector<std::unique_ptr<SortedRun>> runs;
    for (std::size_t i = 0; i < old_inventory.shards.size(); ++i)
      if ((!same_count || touched[i]) && old_inventory.shards[i].rows > 0)
        runs.push_back(run_in_shard(*old / old_inventory.shards[i].file, codes));
    if (spilled.empty()) {
      sort_rows(rows);
      runs.push_back(run_in_memory(rows, texts, codes));
    } else {
      spill_rows();
      thin_out_spilled();
      for (const auto& file : spilled) runs.push_back(run_in_file(file, codes));
    }
    const auto all = merged(std::move(runs));
    RunRow row;
    while (all->next(row))
      if (forgotten.empty() || !forgotten.contains(row.patient.for_storage())) fan.add(row);
    Inventory inventory;
    inventory.shards = fan.finish();
    for (std::size_t i = 0; i < count; ++i) {
      if (touched[i]) continue;
      fs::create_hard_link(*old / old_inventory.shards[i].file, part / inventory.shards[i].file);
      inventory.shards[i] = old_inventory.shards[i];
    }
    return inventory;
  }

  void write_metadata(Inventory& inventory) {
    const fs::path folder = part / "metadata";
    fs::create_directories(folder);
    std::vector<CodeInfo> rows_of_codes;
    for (CodeId id = 0; id < used.size(); ++id)
      if (used[id]) infos[codes.name(id)].code = codes.name(id);
    for (const auto& [name, info] : infos) rows_of_codes.push_back(info);
    write_codes(folder / "codes.parquet", rows_of_codes);
    if (!splits.empty()) write_splits(folder / "subject_splits.parquet", splits);
    inventory.dataset_name =
        options.dataset_name.empty() ? old_inventory.dataset_name : options.dataset_name;
    if (inventory.dataset_name.empty()) inventory.dataset_name = store.filename().string();
    inventory.synthetic = synthetic || old_inventory.synthetic;
    const Json json{{"dataset_name", inventory.dataset_name},
                    {"etl_name", inventory.synthetic ? "cangong synthesize" : "cangong"},
                    {"meds_version", "0.4.0"},
                    {"other_extension_columns", {"occurred", "unit"}}};
    write_file(folder / "dataset.json", json.dump(1) + "\n");
  }

  // Names of units that rows use, old ones included.
  void collect_units(Inventory& inventory, const std::vector<bool>& unit_used) {
    std::vector<std::string> units = old_inventory.units;
    for (CodeId id = 0; id < unit_used.size(); ++id)
      if (unit_used[id]) units.push_back(codes.name(id));
    std::sort(units.begin(), units.end());
    units.erase(std::unique(units.begin(), units.end()), units.end());
    inventory.units = std::move(units);
  }

  std::vector<bool> unit_used;

  // The list of rejected rows is in place before the switch, so that none is lost.
  void keep_rejects(const std::string& name) {
    if (!fs::exists(part / "rejects.ndjson")) return;
    fs::create_directories(store / "imports");
    fs::rename(part / "rejects.ndjson", store / "imports" / (name + ".rejects.ndjson"));
  }

  void switch_to(int number) {
    const fs::path name = "gen-" + std::to_string(number);
    fs::remove_all(store / name);  // of an import that was killed before the switch
    keep_rejects(name.string());
    fs::rename(part, store / name);
    part.clear();
    sync_folder(store);
    const fs::path pointer = store / "current.part";
    fs::remove(pointer);
    fs::create_symlink(name, pointer);
    fs::rename(pointer, store / "current");
    fresh = false;
    sync_folder(store);
    // Readers that opened the old generation may still need it; keep one back, unless it is of whom
    // nothing may stay.
    remove_before(forgotten.empty() ? number - 1 : number);
  }

  void remove_before(int oldest) const {
    for (const auto& entry : fs::directory_iterator(store)) {
      const std::string file = entry.path().filename().string();
      if (file.starts_with("gen-") && entry.is_directory() && number_of(entry.path()) < oldest)
        fs::remove_all(entry.path());
    }
  }
};

StoreWriter::StoreWriter(const fs::path& store, WriteOptions options)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.store = store;
  s.options = std::move(options);
  s.options.memory_bytes = std::max(s.options.memory_bytes, kLeastMemory);
  const bool made = fs::create_directories(store);
  s.lock =
      FileLock(store / ".lock", store.string() + ": another import is running; wait for it to end");
  const fs::path marker = store / "store.json";
  if (!fs::exists(marker)) {
    if (!made && !is_empty_but_for_ours(store))
      fail(Fault::input, store.string() + " exists and is not a store; choose another folder");
    s.fresh = true;
    write_file(marker, Json{{"format", kStoreFormat}}.dump() + "\n");
  }
  check_format(store);
  for (const auto& entry : fs::directory_iterator(store))  // what a killed import left
    if (entry.path().extension() == ".part") fs::remove_all(entry.path());
  s.load_old();
  const int number = s.old ? number_of(*s.old) + 1 : 1;
  s.part = store / ("gen-" + std::to_string(number) + ".part");
  fs::create_directories(s.part);
}

StoreWriter::~StoreWriter() = default;

fs::path StoreWriter::rejects_file() const {
  return state_->part / "rejects.ndjson";
}

CodeBook& StoreWriter::codes() {
  return state_->codes;
}

void StoreWriter::add(PatientId patient, const Event& event) {
  State& s = *state_;
  if (s.added == 0) s.make_room();
  const PackedRow row = pack(patient, event, s.texts.size(), s.codes);
  s.texts.append(event.text);
  s.rows.push_back(row);
  s.mark(event.code);
  if (row.unit != kNoUnit) {
    if (row.unit >= s.unit_used.size()) s.unit_used.resize(row.unit + 1);
    s.unit_used[row.unit] = true;
  }
  if (row.patient != s.last_patient || s.added == 0) s.patients.insert(row.patient);
  s.last_patient = row.patient;
  ++s.added;
  if (s.is_full()) s.spill_rows();
}

void StoreWriter::mark_synthetic() {
  state_->synthetic = true;
}

void StoreWriter::forget(PatientId patient) {
  state_->patients.insert(patient.for_storage());
  state_->forgotten.insert(patient.for_storage());
  state_->splits.erase(patient);
}

void StoreWriter::forget_older() {
  if (state_->old) state_->remove_before(number_of(*state_->old));
}

void StoreWriter::describe(CodeId code, std::string_view description) {
  CodeInfo& info = state_->infos[state_->codes.name(code)];
  if (info.description.empty()) info.description = description;
}

void StoreWriter::add_info(const CodeInfo& info) {
  CodeInfo& known = state_->infos[info.code];
  known.code = info.code;
  if (known.description.empty()) known.description = info.description;
  for (const auto& parent : info.parents)
    if (std::find(known.parents.begin(), known.parents.end(), parent) == known.parents.end())
      known.parents.push_back(parent);
}

void StoreWriter::add_splits(const Splits& splits) {
  for (const auto& [patient, split] : splits) state_->splits[patient] = split;
}

Inventory StoreWriter::commit() {
  State& s = *state_;
  const int number = s.old ? number_of(*s.old) + 1 : 1;
  if (s.added > 0 && s.old_inventory.rows() > 0 && s.synthetic != s.old_inventory.synthetic)
    fail(Fault::input, s.store.string() +
                           ": real and synthetic patients are never mixed in one "
                           "store; import into another one");
  try {
    Inventory inventory = s.write_data();
    inventory.keys = s.old_inventory.keys;
    if (!s.options.key.empty()) inventory.keys.push_back(s.options.key);
    s.collect_units(inventory, s.unit_used);
    fs::remove_all(s.part / "sort");
    s.write_metadata(inventory);
    write_inventory(s.part, inventory);
    s.switch_to(number);
    return inventory;
  } catch (const fs::filesystem_error& error) {
    fail(Fault::storage, std::string("cannot write the store: ") + error.what());
  }
}

}  // namespace cangong
