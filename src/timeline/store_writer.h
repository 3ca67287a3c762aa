// Makes the next generation of a store: an external sort with a memory cap, then one switch.
#pragma once

#include <memory>
#include <string>

#include "timeline/store.h"

namespace cangong {

struct WriteOptions {
  std::size_t memory_bytes = std::size_t{1} << 30;  // for rows that wait to be sorted
  std::string dataset_name;
  std::string key = {};  // tells this import from others: kept in the inventory
};

// Rows may come in any order. Until commit() the store is as it was; a writer that is destroyed or
// killed before leaves nothing that readers see. One writer at a time (a lock file).
class StoreWriter {
 public:
  // Creates the store where there is none.
  StoreWriter(const fs::path& store, WriteOptions options);
  ~StoreWriter();
  StoreWriter(const StoreWriter&) = delete;
  StoreWriter& operator=(const StoreWriter&) = delete;

  // Where an import lists its rejected rows; commit() moves it to imports/gen-N.rejects.ndjson.
  fs::path rejects_file() const;
  CodeBook& codes();
  // `event.code` comes from codes(); texts are copied. Sorts to disk where memory is short.
  void add(PatientId patient, const Event& event);
  // Kept in codes.parquet; the first description and all parents of a code win.
  // The store says from now on that patients of it do not exist.
  void mark_synthetic();
  void describe(CodeId code, std::string_view description);
  void add_info(const CodeInfo& info);
  // The next generation has no row of the patient, in no file, and none before it stays: what was
  // opened before has to be opened again.
  void forget(PatientId patient);
  // What an interrupted work of that kind left: generations before the present one.
  void forget_older();
  // Added to the splits that the store has.
  void add_splits(const Splits& splits);

  // Throws Fault::storage, leaving the old generation, where the disk is full.
  Inventory commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cangong
