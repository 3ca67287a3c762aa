#include "engine/bulk.h"

#include <unordered_set>

#include "timeline/assemble.h"

namespace cangong {
namespace {

constexpr std::size_t kMostRows = 500'000;  // kept in memory: about 100 MB at most

// The rows of one patient alone, without the block of the file that they came in.
std::shared_ptr<const Timeline> copy_of(const Timeline& timeline) {
  std::vector<LiveEvent> rows;
  for (const Event& event : timeline.events()) {
    LiveEvent& row = rows.emplace_back();
    row.time = event.time, row.occurred = event.occurred;
    row.code = timeline.codes().name(event.code);
    row.number = event.number;
    row.unit = event.unit, row.text = event.text;
  }
  return std::make_shared<const Timeline>(assemble(timeline.patient(), nullptr, std::move(rows)));
}

}  // namespace

Bulk::Bulk(const fs::path& store)
    : generation_(current_generation(store)),
      identities_(Identities::open(store)),
      meaning_([](std::string_view) { return std::string(); }) {
  if (!generation_) return;
  store_ = Store::open(store);
  meaning_ = meaning_in(*store_);
  for (const CodeInfo& info : store_->code_infos()) infos_.emplace(info.code, &info);
}

std::vector<CodeInfo> Bulk::infos_of(const CodeBook& codes) const {
  std::unordered_set<std::string_view> seen;
  std::vector<std::string_view> open;
  for (CodeId id = 0; id < codes.size(); ++id) open.push_back(codes.name(id));
  std::vector<CodeInfo> infos;
  while (!open.empty()) {
    const auto found = infos_.find(open.back());
    open.pop_back();
    if (found == infos_.end() || !seen.insert(found->first).second) continue;
    infos.push_back(*found->second);
    for (const std::string& parent : found->second->parents) open.push_back(parent);
  }
  return infos;
}

std::shared_ptr<const Timeline> Bulk::kept(PatientId patient) {
  const std::lock_guard lock(mutex_);
  const auto place = places_.find(patient);
  if (place == places_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, place->second);
  return place->second->timeline;
}

std::shared_ptr<const Timeline> Bulk::find(PatientId patient) {
  if (auto known = kept(patient)) return known;
  const auto found = store_ ? store_->find(patient) : std::nullopt;
  if (!found) return nullptr;
  auto timeline = copy_of(*found);
  const std::size_t rows = timeline->events().size();
  if (rows > kMostRows / 4) return timeline;
  const std::lock_guard lock(mutex_);
  if (places_.contains(patient)) return timeline;
  recent_.push_front({patient, timeline});
  places_[patient] = recent_.begin();
  rows_ += rows;
  while (rows_ > kMostRows) {
    rows_ -= recent_.back().timeline->events().size();
    places_.erase(recent_.back().patient);
    recent_.pop_back();
  }
  return timeline;
}

}  // namespace cangong
