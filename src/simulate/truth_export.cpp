#include <arrow/api.h>
#include <arrow/io/api.h>
#include <parquet/arrow/writer.h>

#include "simulate/export.h"
#include "timeline/arrow_check.h"

namespace cangong::simulate {
namespace {

constexpr std::int64_t kRowsPerGroup = 1 << 16;

std::shared_ptr<arrow::Schema> truth_schema() {
  arrow::FieldVector fields{arrow::field("subject_id", arrow::int64(), false),
                            arrow::field("time", arrow::timestamp(arrow::TimeUnit::MICRO), false)};
  for (const auto name : kStateNames) {
    fields.push_back(arrow::field("hazard_" + std::string(name), arrow::float64(), false));
    fields.push_back(arrow::field("cumulative_" + std::string(name), arrow::float64(), false));
    fields.push_back(arrow::field("events_" + std::string(name), arrow::int32(), false));
  }
  return arrow::schema(fields);
}

}  // namespace

struct TruthExport::State {
  std::string file;
  std::shared_ptr<arrow::Schema> schema = truth_schema();
  std::shared_ptr<arrow::io::FileOutputStream> out;
  std::unique_ptr<parquet::arrow::FileWriter> writer;
  std::unique_ptr<arrow::RecordBatchBuilder> rows;

  template <class Status>
  void check(const Status& status) const {
    check_arrow(status, Fault::storage, file);
  }

  template <class Builder, class Value>
  void put(int column, const Value& value) {
    check(rows->GetFieldAs<Builder>(column)->Append(value));
  }

  void flush() {
    const auto batch = take_arrow(rows->Flush(), Fault::storage, file);
    if (batch->num_rows() == 0) return;
    const auto table = take_arrow(arrow::Table::FromRecordBatches({batch}), Fault::storage, file);
    check(writer->WriteTable(*table, kRowsPerGroup));
  }
};

TruthExport::TruthExport(const fs::path& file) : state_(new State) {
  State& s = *state_;
  s.file = file.string();
  s.out = take_arrow(arrow::io::FileOutputStream::Open(s.file), Fault::storage, s.file);
  auto properties =
      parquet::WriterProperties::Builder().compression(parquet::Compression::ZSTD)->build();
  s.writer = take_arrow(
      parquet::arrow::FileWriter::Open(*s.schema, arrow::default_memory_pool(), s.out, properties),
      Fault::storage, s.file);
  s.rows = take_arrow(
      arrow::RecordBatchBuilder::Make(s.schema, arrow::default_memory_pool(), kRowsPerGroup),
      Fault::storage, s.file);
}

TruthExport::~TruthExport() = default;

void TruthExport::add(const Person& person) {
  State& s = *state_;
  for (const TrueYear& year : person.years) {
    s.put<arrow::Int64Builder>(0, person.number);
    s.put<arrow::TimestampBuilder>(1, year.begin.time_since_epoch().count());
    for (std::size_t k = 0; k < kStates; ++k) {
      const int at = static_cast<int>(2 + 3 * k);
      s.put<arrow::DoubleBuilder>(at, year.hazard[k]);
      s.put<arrow::DoubleBuilder>(at + 1, year.cumulative[k]);
      s.put<arrow::Int32Builder>(at + 2, year.events[k]);
    }
  }
  if (s.rows->GetField(0)->length() >= kRowsPerGroup) s.flush();
}

void TruthExport::finish() {
  State& s = *state_;
  s.flush();
  s.check(s.writer->Close());
  s.check(s.out->Close());
}

}  // namespace cangong::simulate
