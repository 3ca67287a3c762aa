// The bulk store as a service sees it: one generation, its identities, what its codes mean.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/answer_patient.h"
#include "timeline/identities.h"
#include "timeline/store.h"

namespace cangong {

// Safe for concurrent use.
class Bulk {
 public:
  // A store that nothing was imported into yet is empty.
  explicit Bulk(const fs::path& store);

  const std::optional<fs::path>& generation() const { return generation_; }
  const std::optional<Store>& store() const { return store_; }
  Digest digest() const { return store_ ? store_->digest() : Digest(); }
  const Identities& identities() const { return identities_; }
  std::string meaning(std::string_view code) const { return meaning_(code); }
  // What the store says of these codes and of all above them.
  std::vector<CodeInfo> infos_of(const CodeBook& codes) const;

  // Null where the store does not know the patient. Those asked for lately are kept in memory.
  std::shared_ptr<const Timeline> find(PatientId patient);

 private:
  std::shared_ptr<const Timeline> kept(PatientId patient);

  std::optional<fs::path> generation_;
  std::optional<Store> store_;
  Identities identities_;
  Meaning meaning_;
  std::unordered_map<std::string_view, const CodeInfo*> infos_;  // by code, of the store

  struct Entry {
    PatientId patient;
    std::shared_ptr<const Timeline> timeline;
  };
  std::mutex mutex_;
  std::list<Entry> recent_;  // latest first
  std::unordered_map<PatientId, std::list<Entry>::iterator> places_;
  std::size_t rows_ = 0;
};

}  // namespace cangong
