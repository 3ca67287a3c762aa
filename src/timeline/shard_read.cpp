#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/io/api.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/statistics.h>

#include <cmath>
#include <limits>
#include <set>

#include "timeline/arrow_check.h"
#include "timeline/shard.h"

namespace cangong {
namespace {

using arrow::Array;
using arrow::ChunkedArray;

// Where each MEDS column stands in the file; -1 = absent.
struct ShardLayout {
  int subject = -1, time = -1, code = -1, number = -1, occurred = -1, unit = -1, text = -1;
  const char* subject_name = "subject_id";
};

// The leaf of a top-level column: Parquet numbers leaves, and a nested column has several.
int leaf_of(const arrow::Schema& fields, const parquet::SchemaDescriptor& leaves, const char* name,
            const std::string& file) {
  const auto all = fields.GetAllFieldIndices(name);
  if (all.size() > 1) fail(Fault::input, file + ": two columns named " + name);
  return all.empty() ? -1 : leaves.ColumnIndex(name);
}

ShardLayout find_columns(const arrow::Schema& fields, const parquet::SchemaDescriptor& leaves,
                         const std::string& file) {
  const auto leaf = [&](const char* name) { return leaf_of(fields, leaves, name, file); };
  ShardLayout at;
  at.subject = leaf("subject_id");
  if (at.subject < 0) {  // MEDS before 0.3.3
    at.subject = leaf("patient_id");
    at.subject_name = "patient_id";
  }
  at.time = leaf("time");
  at.code = leaf("code");
  at.number = leaf("numeric_value");
  at.occurred = leaf("occurred");
  at.unit = leaf("unit");
  at.text = leaf("text_value");
  if (at.subject < 0 || at.time < 0 || at.code < 0)
    fail(Fault::input, file + ": not MEDS data: the columns subject_id, time and code are needed");
  return at;
}

// The column cast to the type that we work with, chunk by chunk.
std::shared_ptr<ChunkedArray> cast(const std::shared_ptr<ChunkedArray>& column,
                                   const std::shared_ptr<arrow::DataType>& type,
                                   const std::string& what) {
  if (column->type()->Equals(type)) return column;
  auto options = arrow::compute::CastOptions::Safe(type);
  // float64 -> float32 is how old MEDS reads; a number of a patient is never rounded.
  options.allow_float_truncate = type->id() == arrow::Type::FLOAT;
  options.allow_time_truncate = true;  // ns -> us
  auto result = arrow::compute::Cast(column, options);
  if (!result.ok())  // Arrow's own words would quote a cell
    fail(Fault::input, what + " cannot be read as " + type->ToString() + " (it is " +
                           column->type()->ToString() + ")");
  return result->chunked_array();
}

template <class ArrayType, class Use>
void each_value(const ChunkedArray& column, const Use& use) {
  std::size_t row = 0;
  for (const auto& chunk : column.chunks()) {
    const auto& values = static_cast<const ArrayType&>(*chunk);
    for (std::int64_t i = 0; i < values.length(); ++i, ++row)
      if (!values.IsNull(i)) use(row, values, i);
  }
}

void read_times(const ChunkedArray& column, std::vector<Event>& events,
                std::optional<Time> Event::*field) {
  each_value<arrow::TimestampArray>(column, [&](std::size_t row, const auto& values, auto i) {
    events[row].*field = Time(Duration(values.Value(i)));
  });
}

// Dictionary indices to code numbers; each distinct string of a chunk is looked up once.
template <class Use>
void each_word(const ChunkedArray& column, CodeBook& codes, const Use& use) {
  std::size_t row = 0;
  for (const auto& chunk : column.chunks()) {
    const auto& words = static_cast<const arrow::DictionaryArray&>(*chunk);
    const auto& names = static_cast<const arrow::StringArray&>(*words.dictionary());
    std::vector<CodeId> ids(static_cast<std::size_t>(names.length()));
    for (std::int64_t k = 0; k < names.length(); ++k)
      ids[static_cast<std::size_t>(k)] = codes.intern(names.GetView(k));
    const auto& indices = static_cast<const arrow::Int32Array&>(*words.indices());
    for (std::int64_t i = 0; i < words.length(); ++i, ++row)
      if (!words.IsNull(i)) use(row, ids[static_cast<std::size_t>(indices.Value(i))]);
  }
}

}  // namespace

struct ShardReader::State {
  std::string file;
  std::unique_ptr<parquet::arrow::FileReader> reader;
  CodeBook& codes;
  unsigned wanted;
  ShardLayout at;
  std::shared_ptr<arrow::Schema> schema;

  std::shared_ptr<ChunkedArray> column(const arrow::Table& table, const char* name,
                                       const std::shared_ptr<arrow::DataType>& type) const {
    const auto found = table.GetColumnByName(name);
    return found ? cast(found, type, file + ": column " + name) : nullptr;
  }

  std::shared_ptr<arrow::Table> table(std::size_t block) const {
    std::vector<int> columns{at.subject, at.time, at.code};
    if (at.number >= 0) columns.push_back(at.number);
    if (at.occurred >= 0 && wanted & Columns::occurred) columns.push_back(at.occurred);
    if (at.unit >= 0 && wanted & Columns::unit) columns.push_back(at.unit);
    if (at.text >= 0 && wanted & Columns::text) columns.push_back(at.text);
    auto result = reader->ReadRowGroup(static_cast<int>(block), columns);
    return take_arrow(std::move(result), Fault::input, file + ": damaged or cut off");
  }
};

ShardReader::ShardReader(const fs::path& path, unsigned wanted, CodeBook& codes)
    : state_(new State{path.string(), nullptr, codes, wanted, {}, nullptr}) {
  if (!fs::exists(path)) fail(Fault::missing, "no such file: " + path.string());
  auto properties = parquet::default_reader_properties();
  properties.set_page_checksum_verification(true);
  parquet::arrow::FileReaderBuilder builder;
  const std::string why = state_->file + ": not a whole Parquet file";
  try {
    check_arrow(builder.OpenFile(state_->file, false, properties), Fault::input, why);
    const auto metadata = builder.raw_reader()->metadata();
    auto arrow_properties = reading_in_place<parquet::ArrowReaderProperties>();
    for (const char* name : {"code", "unit"}) {
      const int index = metadata->schema()->ColumnIndex(name);
      if (index >= 0) arrow_properties.set_read_dictionary(index, true);
    }
    state_->reader = take_arrow(builder.properties(arrow_properties)->Build(), Fault::input, why);
  } catch (const parquet::ParquetException& error) {
    fail(Fault::input, why + ": " + error.what());
  }
  check_arrow(state_->reader->GetSchema(&state_->schema), Fault::input, why);
  state_->at = find_columns(*state_->schema,
                            *state_->reader->parquet_reader()->metadata()->schema(), state_->file);
}

ShardReader::~ShardReader() {
  if (!state_) return;
  state_->reader.reset();
  arrow::default_memory_pool()->ReleaseUnused();
}
ShardReader::ShardReader(ShardReader&&) noexcept = default;

std::vector<std::string> ShardReader::unread_columns() const {
  static const std::set<std::string> kRead{"time",     "code", "numeric_value",
                                           "occurred", "unit", "text_value"};
  std::vector<std::string> names;
  for (const auto& name : state_->schema->field_names())
    if (!kRead.contains(name) && name != state_->at.subject_name) names.push_back(name);
  return names;
}

std::size_t ShardReader::blocks() const {
  return static_cast<std::size_t>(state_->reader->num_row_groups());
}

std::uint64_t ShardReader::rows() const {
  return static_cast<std::uint64_t>(state_->reader->parquet_reader()->metadata()->num_rows());
}

std::pair<PatientId, PatientId> ShardReader::range(std::size_t block) const {
  const auto group =
      state_->reader->parquet_reader()->metadata()->RowGroup(static_cast<int>(block));
  const auto chunk = group->ColumnChunk(state_->at.subject);
  using Int64Statistics = parquet::TypedStatistics<parquet::Int64Type>;
  const auto statistics = std::dynamic_pointer_cast<Int64Statistics>(chunk->statistics());
  if (!statistics || !statistics->HasMinMax())
    return {PatientId(std::numeric_limits<std::int64_t>::min()),
            PatientId(std::numeric_limits<std::int64_t>::max())};
  return {PatientId(statistics->min()), PatientId(statistics->max())};
}

Block ShardReader::read(std::size_t index) const {
  const State& s = *state_;
  const auto table = s.table(index);
  const auto rows = static_cast<std::size_t>(table->num_rows());
  Block block;
  block.patients.resize(rows);
  block.events.resize(rows);
  const auto subjects = s.column(*table, s.at.subject_name, arrow::int64());
  if (subjects->null_count() > 0) fail(Fault::input, s.file + ": a row without subject_id");
  each_value<arrow::Int64Array>(*subjects, [&](std::size_t row, const auto& values, auto i) {
    block.patients[row] = PatientId(values.Value(i));
  });
  const auto us = arrow::timestamp(arrow::TimeUnit::MICRO);
  read_times(*s.column(*table, "time", us), block.events, &Event::time);
  if (const auto occurred = s.column(*table, "occurred", us))
    read_times(*occurred, block.events, &Event::occurred);
  const auto words = arrow::dictionary(arrow::int32(), arrow::utf8());
  const auto codes = s.column(*table, "code", words);
  if (codes->null_count() > 0) fail(Fault::input, s.file + ": a row without code");
  each_word(*codes, s.codes, [&](std::size_t row, CodeId id) { block.events[row].code = id; });
  if (const auto numbers = s.column(*table, "numeric_value", arrow::float32()))
    each_value<arrow::FloatArray>(*numbers, [&](std::size_t row, const auto& values, auto i) {
      if (!std::isnan(values.Value(i))) block.events[row].number = values.Value(i);
    });
  if (const auto units = s.column(*table, "unit", words))
    each_word(*units, s.codes,
              [&](std::size_t row, CodeId id) { block.events[row].unit = s.codes.name(id); });
  if (const auto texts = s.column(*table, "text_value", arrow::large_utf8())) {
    each_value<arrow::LargeStringArray>(*texts, [&](std::size_t row, const auto& values, auto i) {
      block.events[row].text = values.GetView(i);
    });
    block.texts = texts;
  }
  return block;
}

}  // namespace cangong
