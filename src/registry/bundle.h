// What training leaves: a folder named by its digest, never edited. Format: docs/formats.md.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/file.h"

namespace cangong {

inline constexpr int kBundleFormat = 1;

// Files of a bundle in the making.
class BundleWriter {
 public:
  void add(const std::string& name, std::string bytes) { files_[name] = std::move(bytes); }
  // Writes `alias`.parent/<digest>/ and points the symbolic link `alias` at it, in one step. The
  // same content gives the same folder.
  Digest commit(const fs::path& alias) const;

 private:
  std::map<std::string, std::string> files_;
};

class Bundle {
 public:
  // A bundle's folder or an alias. Throws Fault::missing where there is none, Fault::storage where
  // the manifest does not fit the digest or the format is newer.
  static Bundle open(const fs::path& path);

  const Digest& digest() const { return digest_; }
  const fs::path& folder() const { return folder_; }
  bool has(const std::string& name) const { return files_.contains(name); }
  // Throws Fault::storage where the bytes are not those that were written.
  std::string read(const std::string& name) const;
  // Reads every file; throws as read() does.
  void verify() const;

 private:
  Digest digest_;
  fs::path folder_;
  std::map<std::string, Digest> files_;
};

struct Registered {
  Digest digest;
  std::vector<std::string> aliases;
  std::string problem;  // not empty: the bundle is damaged, and how
};

// Every bundle in a folder, with the names that point at it.
std::vector<Registered> list_bundles(const fs::path& folder);

// Throws Fault::input where something else than a model has that name.
void refuse_taken(const fs::path& alias);

// Points `alias` at a bundle. Throws Fault::input where something else has that name.
void point_alias(const fs::path& alias, const fs::path& bundle);

}  // namespace cangong
