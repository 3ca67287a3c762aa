// A hospital's timelines on disk: `current` points at a complete MEDS data set, `gen-N/`.
// File format: docs/formats.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/file.h"
#include "timeline/meds_tables.h"
#include "timeline/shard.h"
#include "timeline/timeline.h"

namespace cangong {

// What one generation holds; `gen-N/inventory.json`.
struct Inventory {
  struct Shard {
    std::string file;  // "data/0.parquet"
    std::uint64_t rows = 0, subjects = 0;
    Digest digest;  // of the rows
  };
  std::vector<Shard> shards;
  std::vector<std::string> units;
  std::string dataset_name;
  bool synthetic = false;         // its patients do not exist, or some of them
  std::vector<std::string> keys;  // of imports that are done once

  std::uint64_t rows() const;
  std::uint64_t subjects() const;
  // One digest for the whole content, independent of compression and file names.
  Digest digest() const;
};

// Which of `shards` files a patient's rows lie in.
std::size_t shard_of(PatientId patient, std::size_t shards);

// Safe for concurrent use. A store that is open keeps reading its generation while an import
// makes the next one.
class Store {
 public:
  // Throws Fault::missing where there is none, Fault::storage where it is of a newer version.
  static Store open(const fs::path& path);

  const fs::path& path() const { return path_; }
  // The folder of the MEDS data set that this object reads.
  const fs::path& generation() const { return generation_; }
  const Inventory& inventory() const { return inventory_; }
  const Digest& digest() const { return digest_; }
  const CodeBook& codes() const { return *codes_; }
  const std::vector<CodeInfo>& code_infos() const { return infos_; }
  Splits splits() const;

  bool contains(PatientId patient) const;
  std::optional<Timeline> find(PatientId patient, unsigned wanted = Columns::all) const;
  // Throws Fault::missing where the patient is not in the store.
  Timeline patient(PatientId patient, unsigned wanted = Columns::all) const;
  // Every patient, in the order of shards and of numbers.
  void each(unsigned wanted, const std::function<void(const Timeline&)>& use) const;
  // The same on several threads: `use(shard, timeline)`, in order within a shard.
  void each(unsigned wanted, std::size_t threads,
            const std::function<void(std::size_t, const Timeline&)>& use) const;

 private:
  void each_of_shard(std::size_t shard, unsigned wanted,
                     const std::function<void(const Timeline&)>& use) const;

  fs::path path_, generation_;
  Inventory inventory_;
  Digest digest_;
  std::shared_ptr<CodeBook> codes_;
  std::vector<CodeInfo> infos_;
};

// The format number in store.json; a larger one is refused.
inline constexpr int kStoreFormat = 1;

// Throws Fault::missing where there is no store, Fault::storage where its format is not known.
void check_format(const fs::path& store);

Inventory read_inventory(const fs::path& generation);
void write_inventory(const fs::path& generation, const Inventory& inventory);

// Path of the generation that `current` points at; none if the store has none yet.
std::optional<fs::path> current_generation(const fs::path& store);

}  // namespace cangong
