// Delphi's data (Shmatko et al. 2025): rows of a person, an age in days and a token, 12 bytes each,
// beside labels.csv, whose line r (from 0) names the model's id r = token + 1. There are no dates:
// everybody is born on the first day of 1900 here, so that times tell ages.
#include <array>
#include <fstream>

#include "base/error.h"
#include "base/progress.h"
#include "base/text.h"
#include "source/delphi_labels.h"
#include "source/source.h"
#include "timeline/meds_tables.h"

namespace cangong {
namespace {

constexpr std::size_t kRowBytes = 12;
constexpr std::uint32_t kMostDays = 130 * 366;
const Time kBirth = Time(std::chrono::sys_days(std::chrono::year(1900) / 1 / 1));

// The rows of one file.
class DelphiFile {
 public:
  DelphiFile(const fs::path& file, const std::vector<DelphiLabel>& tokens, Sink& sink)
      : name_(file.string()), tokens_(tokens), sink_(sink), in_(file, std::ios::binary) {
    if (!in_) fail(Fault::storage, "cannot read " + name_);
    const std::uintmax_t bytes = fs::file_size(file);
    if (bytes % kRowBytes != 0)
      fail(Fault::input, name_ + ": cut off, or not Delphi's data: its rows have 12 bytes each");
    rows_ = bytes / kRowBytes;
  }

  void read(const std::string& split, Splits& splits) {
    Progress progress("importing " + fs::path(name_).filename().string(), rows_);
    std::vector<std::uint32_t> block(3 * 65536);
    for (std::uint64_t done = 0; done < rows_;) {
      stop_if_interrupted();
      const auto rows = static_cast<std::size_t>(std::min<std::uint64_t>(65536, rows_ - done));
      in_.read(reinterpret_cast<char*>(block.data()),
               static_cast<std::streamsize>(rows * kRowBytes));
      if (!in_) fail(Fault::storage, "cannot read " + name_);
      for (std::size_t i = 0; i < rows; ++i) {
        const PatientId patient(block[3 * i]);
        ++line_;
        const auto known = splits.find(patient);
        const bool is_new = known == splits.end();
        if (!take(patient, is_new, block[3 * i + 1], block[3 * i + 2])) continue;
        if (is_new) splits.emplace(patient, split);
        if (!is_new && known->second != split) is_elsewhere_ = true;
      }
      progress.at(done += rows);
    }
    if (is_elsewhere_)
      sink_.remark("people who stand in two files: all their rows are of the first one's split");
  }

 private:
  bool take(PatientId patient, bool is_new, std::uint32_t days, std::uint32_t token) {
    const Where where{name_, line_};
    const std::size_t id = std::size_t{token} + 1;
    if (token == 0 || id >= tokens_.size() || tokens_[id].code.empty())
      return sink_.reject(where, "a token that labels.csv gives no event"), false;
    if (days > kMostDays) return sink_.reject(where, "an age of more than 130 years"), false;
    Fact fact;
    fact.patient = patient;
    fact.time = kBirth + std::chrono::days(days);
    fact.code = tokens_[id].code, fact.description = tokens_[id].description;
    if (!is_new) return sink_.accept(where, {&fact, 1});
    // The first row of a person also tells of the birth.
    Fact birth;
    birth.patient = patient, birth.time = kBirth, birth.code = "MEDS_BIRTH";
    const std::array both{birth, fact};
    return sink_.accept(where, both);
  }

  std::string name_;
  const std::vector<DelphiLabel>& tokens_;
  Sink& sink_;
  std::ifstream in_;
  std::uint64_t rows_ = 0, line_ = 0;
  bool is_elsewhere_ = false;
};

}  // namespace

void read_delphi(const SourceOptions& options, Sink& sink) {
  const bool is_folder = fs::is_directory(options.path);
  const fs::path folder = is_folder ? options.path : options.path.parent_path();
  std::vector<fs::path> files;
  if (is_folder)
    for (const char* name : {"train.bin", "val.bin"}) {
      if (fs::exists(folder / name)) files.push_back(folder / name);
    }
  else
    files.push_back(options.path);
  if (files.empty()) fail(Fault::input, "no train.bin and no val.bin in " + folder.string());
  if (!fs::exists(folder / "labels.csv"))
    fail(Fault::missing, "no labels.csv beside " + files.front().string() +
                             ": without it nobody knows what its tokens stand for");
  const std::vector<DelphiLabel> tokens = read_delphi_labels(folder / "labels.csv");
  Splits splits;
  for (const fs::path& file : files)
    DelphiFile(file, tokens, sink).read(file.stem() == "val" ? "tuning" : "train", splits);
  sink.writer().add_splits(splits);
}

}  // namespace cangong
