#include <algorithm>

#include "base/error.h"
#include "engine/engine.h"

namespace cangong {
namespace {

void refuse(const ImportRequest& request, const Tally& tally, const fs::path& rejects) {
  const std::string path = request.source.path.string();
  if (tally.rows == 0) fail(Fault::input, path + ": nothing to import (no rows)");
  if (tally.accepted > 0 && tally.events == 0 && tally.codes == 0)
    fail(Fault::input, path +
                           ": no row gave an event; look at the mapping's `when:`, `value:` and "
                           "`missing:`");
  const double share = static_cast<double>(tally.rejected) / static_cast<double>(tally.rows);
  if (share <= request.most_rejected) return;
  const fs::path kept = request.store.string() + ".rejects.ndjson";
  fs::copy_file(rejects, kept, fs::copy_options::overwrite_existing);
  fail(Fault::input, std::to_string(tally.rejected) + " of " + std::to_string(tally.rows) +
                         " rows were rejected, more than " +
                         format_number(100 * request.most_rejected) +
                         " %; nothing was imported. Reasons with file and line: " + kept.string() +
                         "; allow more with --most-rejected");
}

bool is_kept(const ImportRequest& request) {
  const auto generation = current_generation(request.store);
  if (!generation) return false;
  const auto keys = read_inventory(*generation).keys;
  return std::find(keys.begin(), keys.end(), request.once) != keys.end();
}

}  // namespace

ImportReply import_data(const ImportRequest& asked) {
  ImportRequest request = asked;
  request.store = fs::absolute(asked.store).lexically_normal();
  if (request.store.filename().empty()) request.store = request.store.parent_path();
  if (asked.store.empty()) fail(Fault::config, "--into needs the path of a store");
  const Source& source = source_named(request.format);
  if (!fs::exists(request.source.path))
    fail(Fault::missing, "no such file or folder: " + request.source.path.string());
  try {
    if (!request.once.empty() && is_kept(request)) {
      ImportReply before;
      before.kept_before = true;
      return before;
    }
    StoreWriter writer(request.store, {request.memory_bytes, request.dataset, request.once});
    Identities identities = Identities::open(request.store);
    Sink sink(writer, identities, writer.rejects_file());
    source.read(request.source, sink);
    sink.finish();
    refuse(request, sink.tally(), writer.rejects_file());
    ImportReply reply;
    reply.tally = sink.tally();
    if (request.dry_run) return reply;
    identities.save();
    reply.tally.subjects = writer.commit().subjects();
    const std::string name = current_generation(request.store)->filename().string();
    reply.rejects = request.store / "imports" / (name + ".rejects.ndjson");
    return reply;
  } catch (const fs::filesystem_error& error) {
    fail(Fault::storage, std::string("cannot use the files: ") + error.what());
  }
}

}  // namespace cangong
