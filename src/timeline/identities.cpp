#include "timeline/identities.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"

namespace cangong {
namespace {

// Tabs, line ends and "%" become %XX, so that one line holds one identifier.
std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\t' || c == '\n' || c == '\r' || c == '%') {
      constexpr std::string_view kHex = "0123456789ABCDEF";
      out += '%';
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    } else {
      out += c;
    }
  }
  return out;
}

std::string name_of(std::string_view system, std::string_view value) {
  return escape(system) + "\t" + escape(value);
}

}  // namespace

Identities Identities::open(const fs::path& store) {
  Identities identities;
  identities.folder_ = store / "identities";
  const fs::path key = identities.folder_ / "key", map = identities.folder_ / "map.tsv";
  identities.key_ = fs::exists(key) ? read_file(key) : random_bytes(32);
  if (identities.key_.size() != 32 || (fs::exists(map) && !fs::exists(key)))
    fail(Fault::storage, key.string() +
                             " is missing or damaged; restore it from a backup, or the "
                             "same patients would get other numbers");
  if (!fs::exists(map)) return identities;
  const std::string text = read_file(map);
  for (const std::string_view line : split(text, '\n')) {
    if (line.empty()) continue;
    const std::size_t tab = line.find('\t');
    const auto number = parse_integer(line.substr(0, tab));
    if (!number || tab == std::string_view::npos)
      fail(Fault::storage, map.string() + ": damaged; restore it from a backup");
    const auto [entry, fresh] =
        identities.numbers_.emplace(std::string(line.substr(tab + 1)), PatientId(*number));
    if (fresh) identities.names_.emplace(entry->second, &entry->first);
  }
  return identities;
}

PatientId Identities::number(std::string_view system, std::string_view value) {
  std::string name = name_of(system, value);
  const auto known = numbers_.find(name);
  if (known != numbers_.end()) return known->second;
  const PatientId id(keyed_hash(key_, name));
  const auto [entry, fresh] = numbers_.emplace(std::move(name), id);
  if (!names_.emplace(id, &entry->first).second)
    fail(Fault::storage, "two identifiers have the same number; import into a new store");
  return id;
}

PatientId Identities::join(std::span<const std::pair<std::string, std::string>> identifiers,
                           const std::unordered_set<PatientId>& taken) {
  std::optional<PatientId> known;
  for (const auto& [system, value] : identifiers)
    if (const auto found = find(system, value); found && !known && !taken.contains(*found))
      known = found;
  if (!known) known = number(identifiers[0].first, identifiers[0].second);
  for (const auto& [system, value] : identifiers) numbers_.emplace(name_of(system, value), *known);
  return *known;
}

std::optional<PatientId> Identities::find(std::string_view system, std::string_view value) const {
  const auto known = numbers_.find(name_of(system, value));
  if (known == numbers_.end()) return std::nullopt;
  return known->second;
}

std::optional<PatientId> Identities::find_any(std::string_view value) const {
  const std::string end = "\t" + escape(value);
  for (const auto& [name, id] : numbers_)
    if (name.ends_with(end)) return id;
  return std::nullopt;
}

std::set<PatientId> Identities::find_all(std::string_view value) const {
  const std::string end = "\t" + escape(value);
  std::set<PatientId> all;
  for (const auto& [name, id] : numbers_)
    if (name.ends_with(end)) all.insert(id);
  return all;
}

PatientId Identities::expected(std::string_view system, std::string_view value) const {
  const auto known = find(system, value);
  return known ? *known : PatientId(keyed_hash(key_, name_of(system, value)));
}

std::optional<std::string> Identities::value_of(PatientId patient, std::string_view system) const {
  const auto named = names_.find(patient);
  if (named == names_.end()) return std::nullopt;
  const std::string start = escape(system) + "\t";
  if (!named->second->starts_with(start)) return std::nullopt;
  return named->second->substr(start.size());
}

void Identities::save_key() const {
  fs::create_directories(folder_);
  fs::permissions(folder_, fs::perms::owner_all);
  write_private_file(folder_ / "key", key_);
}

std::size_t Identities::forget(PatientId patient) {
  names_.erase(patient);
  return std::erase_if(numbers_, [&](const auto& known) { return known.second == patient; });
}

void Identities::save() const {
  if (numbers_.empty() && !fs::exists(folder_ / "map.tsv")) return;
  save_key();
  std::vector<std::string> lines;
  for (const auto& [name, id] : numbers_)
    lines.push_back(std::to_string(id.for_storage()) + "\t" + name);
  std::sort(lines.begin(), lines.end());
  write_private_file(folder_ / "map.tsv", cangong::join(lines, "\n") + "\n");
}

}  // namespace cangong
