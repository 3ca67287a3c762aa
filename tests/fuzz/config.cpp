// Any bytes as the service's config.yaml: a configuration, or an Error that names the place.
#include "serve/config.h"

#include "base/error.h"
#include "one_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cangong;
  static const TempFolder folder;
  try {
    (void)load_service_config(file_of(folder.path() / "config.yaml", data, size));
  } catch (const Error& error) {
    ensure(error.fault == Fault::config, error.what());
  }
  return 0;
}
