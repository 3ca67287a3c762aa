#include "encode/embedding_table.h"

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <parquet/arrow/writer.h>

#include "base/error.h"
#include "timeline/arrow_check.h"
#include "timeline/parquet_options.h"

namespace cangong {
namespace {

constexpr std::int64_t kRowsPerGroup = 1 << 13;

std::shared_ptr<arrow::Schema> schema_of(std::size_t width,
                                         const std::map<std::string, std::string>& about) {
  std::vector<std::string> keys, values;
  for (const auto& [key, value] : about) keys.push_back(key), values.push_back(value);
  const auto vector = arrow::fixed_size_list(arrow::field("item", arrow::float32(), false),
                                             static_cast<std::int32_t>(width));
  return arrow::schema({arrow::field("subject_id", arrow::int64(), false),
                        arrow::field("prediction_time", arrow::timestamp(arrow::TimeUnit::MICRO)),
                        arrow::field("embedding", vector, false)},
                       arrow::key_value_metadata(keys, values));
}

}  // namespace

struct EmbeddingTable::State {
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

EmbeddingTable::EmbeddingTable(const fs::path& file, std::size_t width,
                               const std::map<std::string, std::string>& about)
    : state_(new State) {
  State& s = *state_;
  s.file = file, s.width = width;
  s.schema = schema_of(width, about);
  s.out = s.take(arrow::io::FileOutputStream::Open(s.file.string()));
  s.writer = s.take(parquet::arrow::FileWriter::Open(*s.schema, arrow::default_memory_pool(), s.out,
                                                     table_properties(), arrow_table_properties()));
  s.rows = s.take(
      arrow::RecordBatchBuilder::Make(s.schema, arrow::default_memory_pool(), kRowsPerGroup));
}

EmbeddingTable::~EmbeddingTable() = default;

void EmbeddingTable::add(PatientId patient, Time when, std::span<const float> embedding) {
  State& s = *state_;
  ensure(embedding.size() == s.width, "vectors are as wide as the table says");
  s.check(s.rows->GetFieldAs<arrow::Int64Builder>(0)->Append(patient.for_storage()));
  s.check(s.rows->GetFieldAs<arrow::TimestampBuilder>(1)->Append(when.time_since_epoch().count()));
  auto* list = s.rows->GetFieldAs<arrow::FixedSizeListBuilder>(2);
  s.check(list->Append());
  auto* numbers = static_cast<arrow::FloatBuilder*>(list->value_builder());
  s.check(numbers->AppendValues(embedding.data(), static_cast<std::int64_t>(embedding.size())));
  if (list->length() >= kRowsPerGroup) s.flush();
}

void EmbeddingTable::finish() {
  State& s = *state_;
  s.flush();
  s.check(s.writer->Close());
  s.check(s.out->Close());
}

}  // namespace cangong
