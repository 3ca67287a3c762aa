// Files: whole, line by line (gzip too), and written so that a crash leaves the old one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cangong {

namespace fs = std::filesystem;

// Throws Fault::missing where there is no such file, Fault::storage where it cannot be read.
std::string read_file(const fs::path& path);

// Writes beside the target, syncs, renames: readers see the old or the new file, never a part.
void write_file(const fs::path& path, std::string_view bytes);

// Like write_file, readable by the owner alone (mode 0600) from its first byte.
void write_private_file(const fs::path& path, std::string_view bytes);

// Flushes a folder's entries to disk.
void sync_folder(const fs::path& path);

// Held by one process at a time; the others fail.
class FileLock {
 public:
  FileLock() = default;
  // Throws Fault::denied with `busy` where another process holds it, Fault::storage where the file
  // cannot be made.
  FileLock(const fs::path& file, const std::string& busy);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }

 private:
  int file_ = -1;
};

// A folder of our own that vanishes with the object.
class TempFolder {
 public:
  // Made below `parent`; the system's temporary folder by default.
  explicit TempFolder(const fs::path& parent = {});
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Limits that keep hostile input from filling the memory.
struct LineLimits {
  std::size_t longest_line = 64u << 20;     // bytes
  std::uint64_t largest_file = 1ull << 40;  // bytes after unpacking
  double largest_ratio = 1000;              // unpacked to packed, beyond the first 64 MB
};

// Bytes behind a line's text that may be read (not used): vector code reads in wide steps.
inline constexpr std::size_t kReadableBeyond = 64;

// Reads lines of a plain or gzip file with a bounded buffer. A line that is too long is skipped
// and reported as such; a broken gzip stream ends the operation with Fault::input.
class LineReader {
 public:
  explicit LineReader(const fs::path& path, LineLimits limits = {});
  ~LineReader();
  LineReader(LineReader&&) noexcept;

  struct Line {
    std::string_view text;  // without the line end; valid until the next call
    std::uint64_t number;   // from 1
    bool too_long = false;  // then `text` is the beginning of the line
    bool ended = true;      // false: the file stops in the middle of this line
  };
  std::optional<Line> next();

  // Bytes of the file consumed so far (packed size for gzip), for progress.
  std::uint64_t position() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Files below `path` (or `path` itself) in order of name.
std::vector<fs::path> files_below(const fs::path& path);

// "a.csv" for "x/a.csv.gz": the name without folder and packing.
std::string unpacked_name(const fs::path& path);

}  // namespace cangong
