// One outside format: it turns each row into facts on a timeline.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/time.h"
#include "source/sink.h"

namespace cangong {

struct SourceOptions {
  fs::path path;             // a file or a folder
  fs::path mapping;          // csv: how its columns become events
  std::string zone = "UTC";  // for local times without an offset
  std::string system;        // ontology: whose codes it holds
  std::string codes;         // ontology: a pattern whose group is the code in the store's codes
};

struct Source {
  std::string_view name;  // as in `cangong import NAME`
  std::string_view summary;
  void (*read)(const SourceOptions& options, Sink& sink);
};

// Every format, in the order in which they are asked (all.cpp).
std::span<const Source> sources();
// Throws Fault::config, listing the known names.
const Source& source_named(std::string_view name);

void read_csv(const SourceOptions& options, Sink& sink);
void read_delphi(const SourceOptions& options, Sink& sink);
void read_fhir(const SourceOptions& options, Sink& sink);
void read_omop(const SourceOptions& options, Sink& sink);
void read_ontology(const SourceOptions& options, Sink& sink);
void read_meds(const SourceOptions& options, Sink& sink);

}  // namespace cangong
