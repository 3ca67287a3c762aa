#include "timeline/sorted_run.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <queue>

#include "base/error.h"

namespace cangong {
namespace {

std::optional<Time> unpack(std::int64_t us) {
  if (us == kNoTime) return std::nullopt;
  return Time(Duration(us));
}

RunRow unpack(const PackedRow& row, std::string_view text, const CodeBook& codes) {
  Event event;
  event.time = unpack(row.time);
  event.occurred = unpack(row.occurred);
  event.code = row.code;
  if (!std::isnan(row.number)) event.number = row.number;
  if (row.unit != kNoUnit) event.unit = codes.name(row.unit);
  event.text = text;
  return {PatientId(row.patient), event};
}

class MemoryRun : public SortedRun {
 public:
  MemoryRun(const std::vector<PackedRow>& rows, const std::string& texts, const CodeBook& codes)
      : rows_(rows), texts_(texts), codes_(codes) {}
  bool next(RunRow& row) override {
    if (at_ == rows_.size()) return false;
    const PackedRow& packed = rows_[at_++];
    row =
        unpack(packed, std::string_view(texts_).substr(packed.text_at, packed.text_length), codes_);
    return true;
  }

 private:
  const std::vector<PackedRow>& rows_;
  const std::string& texts_;
  const CodeBook& codes_;
  std::size_t at_ = 0;
};

// A spilled run: each row is followed by its text.
class FileRun : public SortedRun {
 public:
  FileRun(const fs::path& file, const CodeBook& codes)
      : buffer_(1 << 18), in_(), file_(file.string()), codes_(codes) {
    in_.rdbuf()->pubsetbuf(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    in_.open(file, std::ios::binary);
    if (!in_) fail(Fault::storage, "cannot read " + file_);
  }
  bool next(RunRow& row) override {
    PackedRow packed;
    if (!in_.read(reinterpret_cast<char*>(&packed), sizeof packed)) return false;
    text_.resize(packed.text_length);
    if (!in_.read(text_.data(), packed.text_length)) fail(Fault::storage, file_ + " is cut off");
    row = unpack(packed, text_, codes_);
    return true;
  }

 private:
  std::vector<char> buffer_;
  std::ifstream in_;
  std::string file_, text_;
  const CodeBook& codes_;
};

class MergedRun : public SortedRun {
 public:
  explicit MergedRun(std::vector<std::unique_ptr<SortedRun>> runs)
      : runs_(std::move(runs)), heads_(runs_.size()), queue_(Later{&heads_}) {
    for (std::size_t i = 0; i < runs_.size(); ++i) advance(i);
  }
  bool next(RunRow& row) override {
    if (given_) advance(*given_);
    given_.reset();
    if (queue_.empty()) return false;
    given_ = queue_.top();
    queue_.pop();
    row = heads_[*given_];
    return true;
  }

 private:
  struct Later {
    const std::vector<RunRow>* heads;
    auto key(std::size_t i) const {
      const auto& time = (*heads)[i].event.time;
      return std::make_tuple((*heads)[i].patient, time ? time->time_since_epoch().count() : kNoTime,
                             i);
    }
    bool operator()(std::size_t a, std::size_t b) const { return key(a) > key(b); }
  };
  void advance(std::size_t i) {
    if (runs_[i]->next(heads_[i])) queue_.push(i);
  }

  std::vector<std::unique_ptr<SortedRun>> runs_;
  std::vector<RunRow> heads_;
  std::priority_queue<std::size_t, std::vector<std::size_t>, Later> queue_;
  std::optional<std::size_t> given_;  // its head is in use until the next call
};

class ShardRun : public SortedRun {
 public:
  ShardRun(const fs::path& file, CodeBook& codes) : reader_(file, Columns::all, codes) {}
  bool next(RunRow& row) override {
    while (at_ == block_.events.size()) {
      if (next_block_ == reader_.blocks()) return false;
      block_ = reader_.read(next_block_++);
      at_ = 0;
    }
    row = {block_.patients[at_], block_.events[at_]};
    ++at_;
    return true;
  }

 private:
  ShardReader reader_;
  Block block_;
  std::size_t at_ = 0, next_block_ = 0;
};

}  // namespace

PackedRow pack(PatientId patient, const Event& event, std::uint64_t text_at, CodeBook& codes) {
  PackedRow row;
  row.patient = patient.for_storage();
  row.time = event.time ? event.time->time_since_epoch().count() : kNoTime;
  row.occurred = event.occurred ? event.occurred->time_since_epoch().count() : kNoTime;
  row.text_at = text_at;
  row.code = event.code;
  row.unit = event.unit.empty() ? kNoUnit : codes.intern(event.unit);
  row.text_length = static_cast<std::uint32_t>(event.text.size());
  row.number = event.number.value_or(std::nanf(""));
  return row;
}

void sort_rows(std::vector<PackedRow>& rows) {
  std::stable_sort(rows.begin(), rows.end(), [](const PackedRow& a, const PackedRow& b) {
    return a.patient != b.patient ? a.patient < b.patient : a.time < b.time;
  });
}

std::unique_ptr<SortedRun> run_in_memory(const std::vector<PackedRow>& rows,
                                         const std::string& texts, const CodeBook& codes) {
  return std::make_unique<MemoryRun>(rows, texts, codes);
}

void spill(const fs::path& file, SortedRun& run, CodeBook& codes) {
  std::ofstream out(file, std::ios::binary);
  RunRow row;
  while (run.next(row) && out) {
    const PackedRow packed = pack(row.patient, row.event, 0, codes);
    out.write(reinterpret_cast<const char*>(&packed), sizeof packed);
    out.write(row.event.text.data(), packed.text_length);
  }
  out.flush();
  if (!out)
    fail(Fault::storage, "cannot write " + file.string() + ": " + std::strerror(errno) +
                             "; free some space and import again");
}

std::unique_ptr<SortedRun> run_in_file(const fs::path& file, const CodeBook& codes) {
  return std::make_unique<FileRun>(file, codes);
}

std::unique_ptr<SortedRun> run_in_shard(const fs::path& file, CodeBook& codes) {
  return std::make_unique<ShardRun>(file, codes);
}

std::unique_ptr<SortedRun> merged(std::vector<std::unique_ptr<SortedRun>> runs) {
  return std::make_unique<MergedRun>(std::move(runs));
}

}  // namespace cangong
