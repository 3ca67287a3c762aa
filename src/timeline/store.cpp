#include "timeline/store.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/parallel.h"

namespace cangong {

using Json = nlohmann::ordered_json;

std::uint64_t Inventory::rows() const {
  std::uint64_t total = 0;
  for (const auto& shard : shards) total += shard.rows;
  return total;
}

std::uint64_t Inventory::subjects() const {
  std::uint64_t total = 0;
  for (const auto& shard : shards) total += shard.subjects;
  return total;
}

Digest Inventory::digest() const {
  Hasher hasher;
  for (const auto& shard : shards) hasher.add(shard.digest + "\n");
  return hasher.finish();
}

std::size_t shard_of(PatientId patient, std::size_t shards) {
  auto z = static_cast<std::uint64_t>(patient.for_storage()) + 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return (z ^ (z >> 31)) % shards;
}

Inventory read_inventory(const fs::path& generation) {
  const fs::path file = generation / "inventory.json";
  Inventory inventory;
  try {
    const Json json = Json::parse(read_file(file));
    inventory.dataset_name = json.at("dataset_name");
    inventory.synthetic = json.value("synthetic", false);
    inventory.keys = json.value("keys", std::vector<std::string>());
    inventory.units = json.at("units").get<std::vector<std::string>>();
    for (const auto& shard : json.at("shards"))
      inventory.shards.push_back(
          {shard.at("file"), shard.at("rows"), shard.at("subjects"), shard.at("digest")});
  } catch (const nlohmann::json::exception& error) {
    fail(Fault::storage, file.string() + ": damaged: " + error.what());
  }
  return inventory;
}

void write_inventory(const fs::path& generation, const Inventory& inventory) {
  Json shards = Json::array();
  for (const auto& shard : inventory.shards)
    shards.push_back({{"file", shard.file},
                      {"rows", shard.rows},
                      {"subjects", shard.subjects},
                      {"digest", shard.digest}});
  Json json{{"dataset_name", inventory.dataset_name},
            {"synthetic", inventory.synthetic},
            {"digest", inventory.digest()},
            {"units", inventory.units},
            {"shards", std::move(shards)}};
  if (!inventory.keys.empty()) json["keys"] = inventory.keys;
  write_file(generation / "inventory.json", json.dump(1) + "\n");
}

std::optional<fs::path> current_generation(const fs::path& store) {
  std::error_code error;
  const fs::path target = fs::read_symlink(store / "current", error);
  if (error) return std::nullopt;
  return store / target;
}

void check_format(const fs::path& path) {
  const fs::path file = path / "store.json";
  if (!fs::exists(file))
    fail(Fault::missing, path.string() + " is not a store; make one with: cangong import FORMAT " +
                             "EXPORT --into " + path.string());
  const Json json = Json::parse(read_file(file), nullptr, false);
  const bool known = json.is_object() && json.contains("format") && json["format"].is_number();
  if (!known || json["format"].get<double>() < 1)
    fail(Fault::storage, file.string() + ": damaged; restore it from a backup");
  if (json["format"].get<double>() > kStoreFormat)
    fail(Fault::storage, path.string() + " was written by a newer version (format " +
                             json["format"].dump() + ", this program reads up to " +
                             std::to_string(kStoreFormat) + "); update this program");
}

Store Store::open(const fs::path& path) {
  check_format(path);
  const auto generation = current_generation(path);
  if (!generation) fail(Fault::missing, path.string() + ": nothing has been imported yet");
  Store store;
  store.path_ = path;
  store.generation_ = *generation;
  store.inventory_ = read_inventory(*generation);
  store.digest_ = store.inventory_.digest();
  store.codes_ = std::make_shared<CodeBook>();
  store.infos_ = read_codes(*generation / "metadata" / "codes.parquet");
  for (const auto& info : store.infos_) store.codes_->intern(info.code);
  for (const auto& unit : store.inventory_.units) store.codes_->intern(unit);
  return store;
}

Splits Store::splits() const {
  const fs::path file = generation_ / "metadata" / "subject_splits.parquet";
  return fs::exists(file) ? read_splits(file) : Splits{};
}

std::optional<Timeline> Store::find(PatientId patient, unsigned wanted) const {
  if (inventory_.shards.empty()) return std::nullopt;
  const auto& shard = inventory_.shards[shard_of(patient, inventory_.shards.size())];
  if (shard.rows == 0) return std::nullopt;
  const ShardReader reader(generation_ / shard.file, wanted, *codes_);
  for (std::size_t i = 0; i < reader.blocks(); ++i) {
    const auto [low, high] = reader.range(i);
    if (patient < low || high < patient) continue;
    const auto block = std::make_shared<const Block>(reader.read(i));
    const auto [from, to] =
        std::equal_range(block->patients.begin(), block->patients.end(), patient);
    if (from == to) continue;
    const auto offset = static_cast<std::size_t>(from - block->patients.begin());
    const std::span<const Event> events(block->events.data() + offset,
                                        static_cast<std::size_t>(to - from));
    return Timeline(patient, events, *codes_, block);
  }
  return std::nullopt;
}

bool Store::contains(PatientId patient) const {
  return find(patient, Columns::none).has_value();
}

Timeline Store::patient(PatientId patient, unsigned wanted) const {
  auto found = find(patient, wanted);
  if (!found) fail(Fault::missing, "no such patient in " + path_.string());
  return std::move(*found);
}

void Store::each_of_shard(std::size_t index, unsigned wanted,
                          const std::function<void(const Timeline&)>& use) const {
  const auto& shard = inventory_.shards[index];
  if (shard.rows == 0) return;
  const ShardReader reader(generation_ / shard.file, wanted, *codes_);
  for (std::size_t i = 0; i < reader.blocks(); ++i) {
    const auto block = std::make_shared<const Block>(reader.read(i));
    for (std::size_t from = 0; from < block->patients.size();) {
      std::size_t to = from;
      while (to < block->patients.size() && block->patients[to] == block->patients[from]) ++to;
      use(Timeline(block->patients[from], {block->events.data() + from, to - from}, *codes_,
                   block));
      from = to;
    }
  }
}

void Store::each(unsigned wanted, const std::function<void(const Timeline&)>& use) const {
  for (std::size_t i = 0; i < inventory_.shards.size(); ++i) each_of_shard(i, wanted, use);
}

void Store::each(unsigned wanted, std::size_t threads,
                 const std::function<void(std::size_t, const Timeline&)>& use) const {
  parallel_for(inventory_.shards.size(), threads, [&](std::size_t shard) {
    each_of_shard(shard, wanted, [&](const Timeline& timeline) { use(shard, timeline); });
  });
}

}  // namespace cangong
