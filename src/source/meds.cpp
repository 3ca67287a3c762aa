#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/progress.h"
#include "source/source.h"
#include "timeline/meds_tables.h"
#include "timeline/shard.h"

namespace cangong {
namespace {

// Rows of one data file, whose subjects keep their numbers.
void read_shard(const fs::path& file, Sink& sink) {
  CodeBook codes;
  const ShardReader reader(file, Columns::all, codes);
  const std::string name = file.string();
  for (const auto& column : reader.unread_columns())
    sink.remark("files with the column \"" + column + "\", which is not read");
  std::uint64_t line = 0;
  for (std::size_t i = 0; i < reader.blocks(); ++i) {
    const Block block = reader.read(i);
    stop_if_interrupted();
    for (std::size_t row = 0; row < block.events.size(); ++row) {
      const Event& event = block.events[row];
      Fact fact;
      fact.patient = block.patients[row];
      fact.time = event.time;
      fact.occurred = event.occurred;
      fact.code = codes.name(event.code);
      if (event.number) fact.number = *event.number;
      fact.unit = event.unit;
      fact.text = event.text;
      fact.declared_static = !event.time;  // MEDS: any code may be static
      sink.accept({name, ++line}, {&fact, 1});
    }
  }
}

}  // namespace

void read_meds(const SourceOptions& options, Sink& sink) {
  const fs::path data =
      fs::is_directory(options.path / "data") ? options.path / "data" : options.path;
  std::vector<fs::path> files;
  for (const auto& file : files_below(data))
    if (file.extension() == ".parquet")
      files.push_back(file);
    else
      sink.pass_over(file);
  if (files.empty()) fail(Fault::input, "no .parquet file below " + data.string());
  Progress progress("importing", files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    read_shard(files[i], sink);
    progress.at(i + 1);
  }
  const fs::path metadata = options.path / "metadata";
  if (fs::exists(metadata / "dataset.json")) {
    const auto json = nlohmann::json::parse(read_file(metadata / "dataset.json"), nullptr, false);
    if (json.is_object() && json.value("etl_name", "") == "cangong synthesize")
      sink.writer().mark_synthetic();
  }
  if (fs::exists(metadata / "codes.parquet"))
    for (const auto& info : read_codes(metadata / "codes.parquet")) sink.writer().add_info(info);
  if (fs::exists(metadata / "subject_splits.parquet"))
    sink.writer().add_splits(read_splits(metadata / "subject_splits.parquet"));
}

}  // namespace cangong
