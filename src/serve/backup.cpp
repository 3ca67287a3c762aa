// A home as one zip archive with the digest of every file.
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/error.h"
#include "serve/live_database.h"
#include "serve/run.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kBackupFormat = 1;
constexpr std::uint64_t kLargestFile = 1ull << 42;

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using Archive = std::unique_ptr<zip_t, Discard>;
using PackedFolder = std::unique_ptr<zip_file_t, Discard>;

[[noreturn]] void raise(const fs::path& file, const std::string& what) {
  fail(Fault::storage, file.string() + ": " + what);
}

// What a running service may change meanwhile is copied first; the rest is never edited.
class Packer {
 public:
  Packer(const Home& home, const fs::path& file)
      : home_(home), target_(file), scratch_(file.has_parent_path() ? file.parent_path() : ".") {
    int code = 0;
    archive_.reset(zip_open(file.c_str(), ZIP_CREATE | ZIP_EXCL, &code));
    if (!archive_)
      fail(Fault::input, file.string() + " exists or cannot be written; choose another name");
    ::umask(077);
  }

  BackupReply run() {
    Database(live_database(home_)).copy_to(scratch_.path() / "live.db");
    add("live.db", scratch_.path() / "live.db");
    add_tree(home_.models());
    add_store();
    add_tree(home_.keys());
    add_tree(home_.reports());
    add_tree(home_.path / "pulls");
    if (fs::exists(home_.config())) add("config.yaml", home_.config());
    copy_trail();
    add("audit.ndjson", scratch_.path() / "audit.ndjson");
    const std::string manifest =
        Json{{"format", kBackupFormat}, {"files", files_}, {"links", links_}}.dump(1) + "\n";
    zip_source_t* source = zip_source_buffer(archive_.get(), manifest.data(), manifest.size(), 0);
    if (!source || zip_file_add(archive_.get(), "manifest.json", source, ZIP_FL_ENC_UTF_8) < 0)
      raise(target_, "cannot be written");
    if (zip_close(archive_.get()) != 0) raise(target_, "cannot be written (disk full?)");
    (void)archive_.release();
    return reply_;
  }

 private:
  void add(const std::string& name, const fs::path& file) {
    zip_source_t* source = zip_source_file(archive_.get(), file.c_str(), 0, -1);
    const zip_int64_t index =
        source ? zip_file_add(archive_.get(), name.c_str(), source, ZIP_FL_ENC_UTF_8) : -1;
    if (index < 0) raise(target_, "cannot be written");
    zip_set_file_compression(archive_.get(), static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0);
    files_[name] = digest_of_file(file.string());
    ++reply_.files, reply_.bytes += fs::file_size(file);
  }
  void add_tree(const fs::path& folder) {
    if (!fs::is_directory(folder)) return;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const std::string name = entry.path().lexically_relative(home_.path).string();
      if (name.ends_with(".part")) continue;
      if (entry.is_symlink())
        links_[name] = fs::read_symlink(entry.path()).string();
      else if (entry.is_regular_file())
        add(name, entry.path());
    }
  }
  // Of the bulk store its current generation alone.
  void add_store() {
    add_tree(home_.store() / "identities");
    const auto generation = current_generation(home_.store());
    if (!generation) return;
    add("store/store.json", home_.store() / "store.json");
    links_["store/current"] = fs::read_symlink(home_.store() / "current").string();
    add_tree(*generation);
  }
  // Up to its last whole record.
  void copy_trail() {
    std::string text = read_file(home_.trail());
    text.resize(text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
    write_private_file(scratch_.path() / "audit.ndjson", text);
  }

  Home home_;
  fs::path target_;
  TempFolder scratch_;
  Archive archive_;
  Json files_ = Json::object(), links_ = Json::object();
  BackupReply reply_;
};

// A name of ours: below the home, and nowhere else.
bool is_inside(const std::string& name) {
  const fs::path path(name);
  if (path.is_absolute() || name.empty()) return false;
  for (const auto& part : path)
    if (part == "..") return false;
  return true;
}

void unpack(zip_t* archive, const std::string& name, const fs::path& to, const Digest& digest) {
  zip_stat_t about;
  if (zip_stat(archive, name.c_str(), 0, &about) != 0 || about.size > kLargestFile)
    raise(name, "is missing in the backup");
  const PackedFolder file(zip_fopen(archive, name.c_str(), 0));
  if (!file) raise(name, "cannot be read in the backup");
  fs::create_directories(to.parent_path());
  FILE* out = std::fopen(to.c_str(), "wb");
  if (!out) raise(to, "cannot be written");
  Hasher hasher;
  std::string buffer(1 << 20, '\0');
  bool whole = true, is_readable = true;
  for (zip_int64_t read; (read = zip_fread(file.get(), buffer.data(), buffer.size())) != 0;) {
    is_readable = read > 0;
    whole = is_readable && std::fwrite(buffer.data(), 1, static_cast<std::size_t>(read), out) ==
                               static_cast<std::size_t>(read);
    if (!whole) break;
    hasher.add({buffer.data(), static_cast<std::size_t>(read)});
  }
  whole = std::fflush(out) == 0 && ::fsync(::fileno(out)) == 0 && whole;
  whole = std::fclose(out) == 0 && whole;
  if (!is_readable) raise(name, "its bytes in the backup are not those that were saved");
  if (!whole) raise(to, "cannot be written (disk full?)");
  if (hasher.finish() != digest)
    raise(name, "its bytes in the backup are not those that were saved");
  fs::permissions(to, fs::perms::owner_read | fs::perms::owner_write);
}

}  // namespace

BackupReply backup(const fs::path& path, const fs::path& file) {
  const Home home{path};
  home.require();
  const BackupReply reply = Packer(home, file).run();
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  return reply;
}

BackupReply restore(const fs::path& file, const fs::path& home) {
  if (fs::exists(home) && !fs::is_empty(home))
    fail(Fault::input, home.string() + " is not empty; restore into a new folder");
  int code = 0;
  const Archive archive(zip_open(file.c_str(), ZIP_RDONLY, &code));
  if (!archive) fail(Fault::missing, file.string() + " is no backup");
  const PackedFolder packed(zip_fopen(archive.get(), "manifest.json", 0));
  std::string text(64 << 20, '\0');
  const zip_int64_t size = packed ? zip_fread(packed.get(), text.data(), text.size()) : -1;
  const Json manifest = Json::parse(
      text.substr(0, static_cast<std::size_t>(std::max<zip_int64_t>(0, size))), nullptr, false);
  if (!manifest.is_object() || manifest.value("format", 0) != kBackupFormat ||
      !manifest.contains("files") || !manifest.contains("links"))
    fail(Fault::storage, file.string() + " is no backup, or one of a newer version");
  BackupReply reply;
  try {
    fs::create_directories(home);
    fs::permissions(home, fs::perms::owner_all);
    for (const auto& [name, digest] : manifest["files"].items()) {
      if (!is_inside(name))
        fail(Fault::storage, file.string() + ": a name leads outside of the home");
      unpack(archive.get(), name, home / name, digest);
      ++reply.files, reply.bytes += fs::file_size(home / name);
    }
    for (const auto& [name, target] : manifest["links"].items()) {
      if (!is_inside(name) || !is_inside(target))
        fail(Fault::storage, file.string() + ": a link leads outside of the home");
      fs::create_directories((home / name).parent_path());
      fs::create_symlink(target.get<std::string>(), home / name);
    }
    fs::permissions(home / "keys", fs::perms::owner_all);
  } catch (...) {
    fs::remove_all(home);
    throw;
  }
  return reply;
}

}  // namespace cangong
