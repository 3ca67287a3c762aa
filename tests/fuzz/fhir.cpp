// Any bytes as an NDJSON export: an Error or a tally that adds up, nothing else.
#include "base/error.h"
#include "one_file.h"
#include "source/source.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cangong;
  static const TempFolder folder;
  const fs::path store = folder.path() / "store";
  fs::remove_all(store);
  SourceOptions options;
  options.path = file_of(folder.path() / "all.ndjson", data, size);
  try {
    StoreWriter writer(store, {1 << 20, ""});
    Identities identities = Identities::open(store);
    Sink sink(writer, identities, folder.path() / "rejects");
    read_fhir(options, sink);
    const Tally& t = sink.tally();
    ensure(t.rows == t.accepted + t.rejected + t.skipped, "the tally adds up");
  } catch (const Error& error) {
    ensure(error.fault != Fault::internal, error.what());
  }
  return 0;
}
