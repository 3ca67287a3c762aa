#include <nlohmann/json.hpp>

#include "base/text.h"
#include "engine/foundation.h"
#include "registry/audit.h"
#include "timeline/identities.h"
#include "timeline/store_writer.h"

namespace cangong {
namespace {

// The store that a bundle learnt from, whatever kind of model it is; empty: it does not say.
Digest learnt_from(const fs::path& bundle) {
  try {
    const Bundle opened = Bundle::open(bundle);
    if (opened.has("timeline.json")) return TimelineModel::open(opened).facts().store;
    return read_pipeline(opened).store_digest;
  } catch (const Error&) {
    return "";  // damaged, or of a newer program: told as one of another store
  }
}

std::vector<ForgetReply::Model> models_in(const fs::path& folder, const Digest& store) {
  std::vector<ForgetReply::Model> models;
  for (const Registered& one : list_bundles(folder))
    models.push_back({one.digest, one.aliases, learnt_from(folder / one.digest) == store});
  return models;
}

// A bare value that fits several people names nobody: this cannot be undone.
PatientId whom(const Store& store, const Identities& identities, const std::string& subject) {
  const std::size_t bar = subject.find('|');
  if (bar != std::string::npos) {
    if (const auto known = identities.find(subject.substr(0, bar), subject.substr(bar + 1)))
      return *known;
    fail(Fault::missing, "no such patient in " + store.path().string());
  }
  std::set<PatientId> meant = identities.find_all(subject);
  if (const auto number = parse_integer(subject))
    if (const PatientId patient(*number); identities.knows(patient) || store.contains(patient))
      meant.insert(patient);
  if (meant.size() > 1)
    fail(Fault::input, "that names several patients; write system|value of the one who is meant");
  if (meant.empty())
    fail(Fault::missing, "no such patient in " + store.path().string() +
                             "; give the store's number, or system|value of an outside identifier");
  return *meant.begin();
}

// Tokens bear no names, so those of one person cannot be told from others': all go, and what was
// learnt from them.
std::vector<fs::path> works_in(const fs::path& folder) {
  std::vector<fs::path> works;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_directory() && entry.path().extension() == ".work" &&
        (fs::exists(entry.path() / "tokens.json") || fs::exists(entry.path() / "tokens")))
      works.push_back(entry.path());
  return works;
}

void forget_works(const std::vector<fs::path>& works) {
  std::vector<FileLock> locks;
  for (const fs::path& work : works)
    locks.emplace_back(work / "lock", work.string() + " is in use by a training; stop it first");
  for (const fs::path& work : works) fs::remove_all(work);
}

void record(const fs::path& store, const nlohmann::ordered_json& what) {
  const Time now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  append_audit(store / "audit.ndjson", format_time(now), what.dump());
}

}  // namespace

ForgetReply forget_patient(const ForgetRequest& request) {
  if (!request.models.empty() && !fs::is_directory(request.models))
    fail(Fault::missing, request.models.string() + " is no folder of models");
  const fs::path path = request.store;
  (void)Store::open(path);  // a writer would make one
  StoreWriter writer(path, {});
  const Store store = Store::open(path);
  Identities identities = Identities::open(path);
  writer.forget_older();
  ForgetReply reply{whom(store, identities, request.subject), store.digest(), "", 0, 0, {}, {}};
  if (!request.models.empty()) {
    reply.models = models_in(request.models, reply.before);
    reply.works = works_in(request.models);
    forget_works(reply.works);
  }
  const auto number = reply.patient.for_storage();
  record(path, {{"what", "forget_begun"}, {"subject", number}, {"before", reply.before}});
  writer.forget(reply.patient);
  reply.rows = store.inventory().rows() - writer.commit().rows();
  reply.identifiers = identities.forget(reply.patient);
  if (reply.identifiers > 0) identities.save();
  reply.after = Store::open(path).digest();
  record(path, {{"what", "forget"},
                {"subject", number},
                {"rows", reply.rows},
                {"identifiers", reply.identifiers},
                {"before", reply.before},
                {"store", reply.after}});
  return reply;
}

}  // namespace cangong
