#include "timeline/vector_table.h"

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>

#include "base/error.h"
#include "timeline/arrow_check.h"
#include "timeline/parquet_options.h"

namespace cangong {
namespace {

constexpr std::int64_t kRowsPerGroup = 1 << 13;

std::shared_ptr<arrow::Schema> schema_of(const VectorColumn& column,
                                         const std::map<std::string, std::string>& about) {
  std::vector<std::string> keys, values;
  for (const auto& [key, value] : about) keys.push_back(key), values.push_back(value);
  const auto vector = arrow::fixed_size_list(arrow::field("item", arrow::float32(), false),
                                             static_cast<std::int32_t>(column.width));
  return arrow::schema({arrow::field("subject_id", arrow::int64(), false),
                        arrow::field("prediction_time", arrow::timestamp(arrow::TimeUnit::MICRO)),
                        arrow::field(column.name, vector, false)},
                       arrow::key_value_metadata(keys, values));
}

}  // namespace

struct VectorTable::State {
  fs::path file;
  std::size_t width;
  std::shared_ptr<arrow::Schema> schema;
  std::shared_ptr<arrow::io::FileOutputStream> out;
  std::unique_ptr<parquet::arrow::FileWriter> writer;
  std::unique_ptr<arrow::RecordBatchBuilder> rows;

  template <class Status>
  void check(const Status& status) const {
    check_arrow(status, Fault::storage, file.string());
  }
  template <class Result>
  auto take(Result&& result) const {
    return take_arrow(std::forward<Result>(result), Fault::storage, file.string());
  }
  void flush() {
    const auto batch = take(rows->Flush());
    if (batch->num_rows() > 0)
      check(writer->WriteTable(*take(arrow::Table::FromRecordBatches({batch})), batch->num_rows()));
  }
};

VectorTable::VectorTable(const fs::path& file, const VectorColumn& column,
                         const std::map<std::string, std::string>& about)
    : state_(new State) {
  State& s = *state_;
  s.file = file, s.width = column.width;
  s.schema = schema_of(column, about);
  s.out = s.take(arrow::io::FileOutputStream::Open(s.file.string()));
  s.writer = s.take(parquet::arrow::FileWriter::Open(*s.schema, arrow::default_memory_pool(), s.out,
                                                     table_properties(), arrow_table_properties()));
  s.rows = s.take(
      arrow::RecordBatchBuilder::Make(s.schema, arrow::default_memory_pool(), kRowsPerGroup));
}

VectorTable::~VectorTable() = default;

void VectorTable::add(PatientId patient, Time when, std::span<const float> vector) {
  State& s = *state_;
  ensure(vector.size() == s.width, "vectors are as wide as the table says");
  s.check(s.rows->GetFieldAs<arrow::Int64Builder>(0)->Append(patient.for_storage()));
  s.check(s.rows->GetFieldAs<arrow::TimestampBuilder>(1)->Append(when.time_since_epoch().count()));
  auto* list = s.rows->GetFieldAs<arrow::FixedSizeListBuilder>(2);
  s.check(list->Append());
  auto* numbers = static_cast<arrow::FloatBuilder*>(list->value_builder());
  s.check(numbers->AppendValues(vector.data(), static_cast<std::int64_t>(vector.size())));
  if (list->length() >= kRowsPerGroup) s.flush();
}

void VectorTable::finish() {
  State& s = *state_;
  s.flush();
  s.check(s.writer->Close());
  s.check(s.out->Close());
}

std::map<std::string, std::string> read_vectors(
    const fs::path& file, const std::string& column,
    const std::function<void(PatientId, Time, std::span<const float>)>& use) {
  if (!fs::exists(file)) fail(Fault::missing, "no such file: " + file.string());
  const std::string why = file.string() + ": not a whole Parquet file";
  const auto input = take_arrow(arrow::io::ReadableFile::Open(file.string()), Fault::storage, why);
  parquet::arrow::FileReaderBuilder builder;
  check_arrow(builder.Open(input), Fault::input, why);
  const auto reader =
      take_arrow(builder.properties(reading_in_place<parquet::ArrowReaderProperties>())->Build(),
                 Fault::input, why);
  std::shared_ptr<arrow::Schema> schema;
  check_arrow(reader->GetSchema(&schema), Fault::input, why);
  const auto field = schema->GetFieldByName(column);
  const bool fits = schema->num_fields() == 3 && field &&
                    field->type()->id() == arrow::Type::FIXED_SIZE_LIST &&
                    schema->field(0)->type()->id() == arrow::Type::INT64 &&
                    schema->field(1)->type()->id() == arrow::Type::TIMESTAMP &&
                    field->type()->field(0)->type()->id() == arrow::Type::FLOAT;
  if (!fits) fail(Fault::input, file.string() + ": not a table of vectors \"" + column + "\"");
  const auto batches = take_arrow(reader->GetRecordBatchReader(), Fault::input, why);
  for (;;) {
    std::shared_ptr<arrow::RecordBatch> batch;
    check_arrow(batches->ReadNext(&batch), Fault::input, why);
    if (!batch) break;
    const auto& patients = static_cast<const arrow::Int64Array&>(*batch->column(0));
    const auto& times = static_cast<const arrow::TimestampArray&>(*batch->column(1));
    const auto& lists = static_cast<const arrow::FixedSizeListArray&>(*batch->column(2));
    const auto& numbers = static_cast<const arrow::FloatArray&>(*lists.values());
    const auto width = static_cast<std::size_t>(lists.list_type()->list_size());
    for (std::int64_t i = 0; i < batch->num_rows(); ++i)
      use(PatientId(patients.Value(i)), Time(Duration(times.Value(i))),
          {numbers.raw_values() + lists.value_offset(i), width});
  }
  std::map<std::string, std::string> about;
  if (const auto metadata = schema->metadata())
    for (std::int64_t i = 0; i < metadata->size(); ++i)
      about[metadata->key(i)] = metadata->value(i);
  return about;
}

}  // namespace cangong
