#include "base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/error.h"

namespace cangong {
namespace {

[[noreturn]] void fail_system(const fs::path& path, const char* doing) {
  fail(Fault::storage,
       std::string("cannot ") + doing + " " + path.string() + ": " + std::strerror(errno));
}

void write_all(int file, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_system(path, "write");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void replace_file(const fs::path& path, std::string_view bytes, unsigned mode) {
  const fs::path part = path.string() + ".part";
  ::unlink(part.c_str());
  const int file = ::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file < 0) fail_system(part, "create");
  try {
    write_all(file, bytes, part);
    if (::fsync(file) != 0) fail_system(part, "sync");
  } catch (...) {
    ::close(file);
    ::unlink(part.c_str());
    throw;
  }
  ::close(file);
  if (::rename(part.c_str(), path.c_str()) != 0) fail_system(path, "replace");
  sync_folder(path.has_parent_path() ? path.parent_path() : fs::path("."));
}

}  // namespace

std::string read_file(const fs::path& path) {
  if (!fs::exists(path)) fail(Fault::missing, "no such file: " + path.string());
  if (fs::is_directory(path)) fail(Fault::input, path.string() + " is a folder, a file is wanted");
  std::ifstream in(path, std::ios::binary);
  if (!in) fail_system(path, "read");
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

void write_file(const fs::path& path, std::string_view bytes) {
  replace_file(path, bytes, 0644);
}

void write_private_file(const fs::path& path, std::string_view bytes) {
  replace_file(path, bytes, 0600);
}

void sync_folder(const fs::path& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::fsync(folder);
  ::close(folder);
}

FileLock::FileLock(const fs::path& file, const std::string& busy)
    : file_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  if (file_ < 0) fail_system(file, "write");
  if (::flock(file_, LOCK_EX | LOCK_NB) == 0) return;
  ::close(file_);
  fail(Fault::denied, busy);
}

FileLock::~FileLock() {
  if (file_ >= 0) ::close(file_);
}

TempFolder::TempFolder(const fs::path& parent) {
  const fs::path base = parent.empty() ? fs::temp_directory_path() : parent;
  std::string name = (base / "cangong-XXXXXX").string();
  if (!::mkdtemp(name.data())) fail_system(name, "create a temporary folder");
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

struct LineReader::State {
  int plain = -1;  // a file that is not packed
  gzFile packed = nullptr;
  fs::path path;
  LineLimits limits;
  std::uint64_t file_bytes = 0;
  std::string buffer;
  std::size_t begin = 0, end = 0;
  std::uint64_t number = 0, unpacked = 0;
  bool at_end = false;

  ~State() {
    if (packed) gzclose(packed);
    if (plain >= 0) ::close(plain);
  }

  void open() {
    plain = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (plain < 0) fail_system(path, "read");
    unsigned char magic[2] = {};
    if (::pread(plain, magic, 2, 0) != 2 || magic[0] != 0x1f || magic[1] != 0x8b) return;
    packed = gzdopen(std::exchange(plain, -1), "rb");
    if (!packed) fail_system(path, "read");
    gzbuffer(packed, 1 << 18);
  }

  std::size_t read(char* to, std::size_t room) const {
    if (!packed) {
      ssize_t count = 0;
      do count = ::read(plain, to, room);
      while (count < 0 && errno == EINTR);
      if (count < 0) fail_system(path, "read");
      return static_cast<std::size_t>(count);
    }
    const int count = gzread(packed, to, static_cast<unsigned>(room));
    int code = Z_OK;
    const char* why = gzerror(packed, &code);
    if (count < 0 || (code != Z_OK && code != Z_STREAM_END))
      fail(Fault::input, path.string() + ": line " + std::to_string(number + 1) +
                             ": the packed file is damaged or cut off (" + why +
                             "); fetch it again");
    return static_cast<std::size_t>(count);
  }

  // Moves what is left to the front and reads more behind it.
  void fill() {
    if (begin > 0) {
      std::memmove(buffer.data(), buffer.data() + begin, end - begin);
      end -= begin;
      begin = 0;
    }
    if (end + kReadableBeyond >= buffer.size())
      buffer.resize(std::min(buffer.size() * 2, limits.longest_line + 1 + kReadableBeyond));
    const std::size_t free = buffer.size() - kReadableBeyond - end;
    const std::size_t count = read(buffer.data() + end, std::min<std::size_t>(free, 1u << 30));
    const bool first = unpacked == 0;
    at_end = count == 0;
    end += count;
    unpacked += count;
    if (first) skip_mark();
    check_size();
  }

  // A byte order mark at the beginning.
  void skip_mark() {
    const std::string_view text(buffer.data(), end);
    if (text.starts_with("\xEF\xBB\xBF")) begin = 3;
    if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
      fail(Fault::input, path.string() + " is UTF-16; save it as UTF-8");
  }

  void check_size() const {
    const double ratio = static_cast<double>(unpacked) / static_cast<double>(file_bytes + 1);
    const bool bomb = unpacked > (64u << 20) && ratio > limits.largest_ratio && packed;
    if (bomb)
      fail(Fault::input, path.string() + ": unpacks to more than " +
                             std::to_string(static_cast<std::uint64_t>(ratio)) +
                             " times its size; unpack it by hand if it is meant to");
    if (unpacked > limits.largest_file)
      fail(Fault::input, path.string() + ": larger than " +
                             std::to_string(limits.largest_file >> 20) +
                             " MB; a FHIR bundle of this size is better exported as NDJSON");
  }
};

LineReader::LineReader(const fs::path& path, LineLimits limits)
    : state_(std::make_unique<State>()) {
  if (!fs::exists(path)) fail(Fault::missing, "no such file: " + path.string());
  if (!fs::is_regular_file(path)) fail(Fault::input, path.string() + " is not a file");
  state_->path = path;
  state_->open();
  state_->limits = limits;
  state_->file_bytes = fs::file_size(path);
  state_->buffer.resize((1 << 18) + kReadableBeyond);
}

LineReader::~LineReader() = default;
LineReader::LineReader(LineReader&&) noexcept = default;

std::optional<LineReader::Line> LineReader::next() {
  State& s = *state_;
  std::size_t searched = 0;
  while (true) {
    const char* from = s.buffer.data() + s.begin + searched;
    const auto* newline =
        static_cast<const char*>(std::memchr(from, '\n', s.end - s.begin - searched));
    if (newline || (s.at_end && s.end > s.begin)) {
      const std::size_t stop =
          newline ? static_cast<std::size_t>(newline - s.buffer.data()) : s.end;
      std::string_view text(s.buffer.data() + s.begin, stop - s.begin);
      if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
      s.begin = newline ? stop + 1 : stop;
      return Line{text, ++s.number, false, newline != nullptr};
    }
    if (s.at_end) return std::nullopt;
    searched = s.end - s.begin;
    if (searched > s.limits.longest_line) break;
    s.fill();
  }
  // Too long: drop bytes up to the line's end without keeping them.
  const std::string head(s.buffer.data() + s.begin, 64);
  while (true) {
    const auto* newline =
        static_cast<const char*>(std::memchr(s.buffer.data() + s.begin, '\n', s.end - s.begin));
    if (newline) {
      s.begin = static_cast<std::size_t>(newline - s.buffer.data()) + 1;
      break;
    }
    s.begin = s.end = 0;
    if (s.at_end) break;
    s.fill();
  }
  return Line{{}, ++s.number, true, true};
}

std::uint64_t LineReader::position() const {
  if (!state_->packed) return state_->unpacked;
  return static_cast<std::uint64_t>(std::max<z_off_t>(gzoffset(state_->packed), 0));
}

std::vector<fs::path> files_below(const fs::path& path) {
  if (!fs::exists(path)) fail(Fault::missing, "no such file or folder: " + path.string());
  if (!fs::is_directory(path)) {
    if (!fs::is_regular_file(path)) fail(Fault::input, path.string() + " is not a file or folder");
    return {path};
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string unpacked_name(const fs::path& path) {
  return path.extension() == ".gz" ? path.stem().string() : path.filename().string();
}

}  // namespace cangong
