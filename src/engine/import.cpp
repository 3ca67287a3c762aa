#include <cmath>

#include "base/error.h"
#include "engine/engine.h"

namespace cangong {

ImportReply import_data(const ImportRequest& request) {
  const Source& source = source_named(request.format);
  if (!fs::exists(request.source.path))
    fail(Fault::missing, "no such file or folder: " + request.source.path.string());
  const bool fresh = !fs::exists(request.store);
  ImportReply reply;
  const fs::path rejects_part = request.store / "rejects.part";
  try {
    StoreWriter writer(request.store, {request.memory_bytes, request.dataset});
    Identities identities = Identities::open(request.store);
    Sink sink(writer, identities, rejects_part);
    source.read(request.source, sink);
    sink.finish();
    reply.tally = sink.tally();
    const auto rejected = static_cast<double>(reply.tally.rejected);
    if (reply.tally.rows == 0)
      fail(Fault::input, request.source.path.string() + ": nothing to import (no rows)");
    if (rejected > request.most_rejected * static_cast<double>(reply.tally.rows)) {
      const fs::path kept = request.store.string() + ".rejects.ndjson";
      fs::rename(rejects_part, kept);
      fail(Fault::input,
           std::to_string(reply.tally.rejected) + " of " + std::to_string(reply.tally.rows) +
               " rows were rejected, more than " + format_number(100 * request.most_rejected) +
               " %; nothing was imported. Reasons with file and line: " + kept.string() +
               "; allow more with --most-rejected");
    }
    identities.save();
    const Inventory inventory = writer.commit();
    reply.tally.subjects = inventory.subjects();
  } catch (...) {
    std::error_code ignored;
    if (fresh)
      fs::remove_all(request.store, ignored);
    else
      fs::remove(rejects_part, ignored);
    throw;
  }
  fs::create_directories(request.store / "imports");
  const auto generation = current_generation(request.store);
  reply.rejects = request.store / "imports" / (generation->filename().string() + ".rejects.ndjson");
  fs::rename(rejects_part, reply.rejects);
  return reply;
}

}  // namespace cangong
