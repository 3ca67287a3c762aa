#include "base/error.h"
#include "source/source.h"
namespace cangong {
void read_fhir(const SourceOptions&, Sink&) {
  fail(Fault::internal, "later");
}
}  // namespace cangong
