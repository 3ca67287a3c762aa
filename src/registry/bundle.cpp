#include "registry/bundle.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace cangong {

using Json = nlohmann::ordered_json;

namespace {

bool is_whole(const fs::path& folder) {
  try {
    Bundle::open(folder).verify();
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

void refuse_taken(const fs::path& alias) {
  if (fs::exists(fs::symlink_status(alias)) && !fs::is_symlink(fs::symlink_status(alias)))
    fail(Fault::input, alias.string() + " exists and is not a name of a model; choose another");
}

Digest BundleWriter::commit(const fs::path& alias) const {
  Json files = Json::object();
  for (const auto& [name, bytes] : files_) files[name] = digest_of(bytes);
  const std::string manifest =
      Json{{"format", kBundleFormat}, {"files", std::move(files)}}.dump(1) + "\n";
  const Digest digest = digest_of(manifest);
  const fs::path home = alias.has_parent_path() ? alias.parent_path() : fs::path(".");
  fs::create_directories(home);
  refuse_taken(alias);
  const fs::path folder = home / digest;
  if (!is_whole(folder)) {
    const fs::path part = home / (digest + ".part");
    fs::remove_all(part);
    fs::create_directories(part);
    for (const auto& [name, bytes] : files_) write_file(part / name, bytes);
    write_file(part / "manifest.json", manifest);
    fs::remove_all(folder);  // of the same content, and damaged
    fs::rename(part, folder);
    sync_folder(home);
  }
  point_alias(alias, folder);
  return digest;
}

void point_alias(const fs::path& alias, const fs::path& bundle) {
  refuse_taken(alias);
  const fs::path part = alias.string() + ".part";
  fs::remove(part);
  fs::create_symlink(fs::absolute(bundle).lexically_normal().filename(), part);
  fs::rename(part, alias);
}

Bundle Bundle::open(const fs::path& path) {
  if (!fs::exists(path / "manifest.json"))
    fail(Fault::missing, path.string() + " is not a model; make one with: cangong train RECIPE " +
                             "--store STORE --labels LABELS --out " + path.string());
  Bundle bundle;
  bundle.folder_ = fs::canonical(path);
  const std::string manifest = read_file(bundle.folder_ / "manifest.json");
  bundle.digest_ = digest_of(manifest);
  // A bundle's folder is named by its digest; a copy may have another name.
  const std::string name = bundle.folder_.filename().string();
  const bool is_digest = name.size() == bundle.digest_.size() &&
                         name.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (is_digest && name != bundle.digest_)
    fail(Fault::storage, path.string() + ": the manifest was changed (its digest is not the " +
                             "folder's name); do not use this model, train or fetch it again");
  const Json json = Json::parse(manifest);
  if (json.at("format").get<int>() > kBundleFormat)
    fail(Fault::storage, path.string() + " was written by a newer version; update this program");
  for (const auto& [name, digest] : json.at("files").items()) bundle.files_[name] = digest;
  return bundle;
}

std::string Bundle::read(const std::string& name) const {
  const auto entry = files_.find(name);
  if (entry == files_.end())
    fail(Fault::missing, folder_.string() + ": no file " + name + " in this model");
  std::string bytes = read_file(folder_ / name);
  if (digest_of(bytes) != entry->second)
    fail(Fault::storage,
         (folder_ / name).string() + ": its bytes were changed; do not use this model");
  return bytes;
}

void Bundle::verify() const {
  for (const auto& [name, digest] : files_) (void)read(name);
}

std::vector<Registered> list_bundles(const fs::path& folder) {
  if (!fs::is_directory(folder)) fail(Fault::missing, "no such folder: " + folder.string());
  std::map<std::string, Registered> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!fs::exists(entry.path() / "manifest.json")) continue;
    const std::string digest = fs::canonical(entry.path()).filename().string();
    Registered& bundle = found[digest];
    bundle.digest = digest;
    if (entry.is_symlink()) bundle.aliases.push_back(entry.path().filename().string());
    if (!bundle.problem.empty()) continue;
    try {
      Bundle::open(entry.path()).verify();
    } catch (const Error& error) {
      bundle.problem = error.what();
    }
  }
  std::vector<Registered> list;
  for (auto& [digest, bundle] : found) {
    std::sort(bundle.aliases.begin(), bundle.aliases.end());
    list.push_back(std::move(bundle));
  }
  return list;
}

}  // namespace cangong
