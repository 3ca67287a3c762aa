// Parquet tables of flat columns, batch by batch.
#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/io/api.h>
#include <parquet/arrow/reader.h>

#include "source/table.h"
#include "timeline/arrow_check.h"

namespace cangong {
namespace {

constexpr std::int64_t kRowsPerBatch = 16384;

class ParquetTable : public Table {
 public:
  explicit ParquetTable(const fs::path& path) : file_(path.string()) {
    auto in = take_arrow(arrow::io::ReadableFile::Open(file_), Fault::input, file_);
    parquet::arrow::FileReaderBuilder builder;
    check_arrow(builder.Open(in), Fault::input, file_);
    auto properties = reading_in_place<parquet::ArrowReaderProperties>();
    properties.set_batch_size(kRowsPerBatch);
    check_arrow(builder.properties(properties)->Build(&reader_), Fault::input, file_);
    batches_ = take_arrow(reader_->GetRecordBatchReader(), Fault::input, file_);
    for (const auto& field : batches_->schema()->fields()) header_.push_back(field->name());
    bytes_ = fs::file_size(path);
    all_rows_ = static_cast<std::uint64_t>(reader_->parquet_reader()->metadata()->num_rows());
  }

  const std::vector<std::string>& header() const override { return header_; }

  std::optional<Row> next() override {
    while (at_ == rows_)
      if (!read_batch()) return std::nullopt;
    cells_.clear();
    for (const auto& column : columns_)
      cells_.push_back(column->IsNull(at_) ? std::string_view() : column->GetView(at_));
    ++at_;
    return Row{&cells_, ++row_, {}};
  }

  std::uint64_t position() const override {
    return all_rows_ ? static_cast<std::uint64_t>(static_cast<double>(bytes_) *
                                                  static_cast<double>(row_) /
                                                  static_cast<double>(all_rows_))
                     : bytes_;
  }

 private:
  bool read_batch() {
    std::shared_ptr<arrow::RecordBatch> batch;
    check_arrow(batches_->ReadNext(&batch), Fault::input, file_);
    if (!batch) return false;
    columns_.clear();
    for (int i = 0; i < batch->num_columns(); ++i) columns_.push_back(as_text(*batch, i));
    rows_ = batch->num_rows();
    at_ = 0;
    return true;
  }

  std::shared_ptr<arrow::LargeStringArray> as_text(const arrow::RecordBatch& batch, int i) const {
    auto text = arrow::compute::Cast(*batch.column(i), arrow::large_utf8());
    if (!text.ok())
      fail(Fault::input, file_ + ": column " + batch.column_name(i) + " is of the type " +
                             batch.column(i)->type()->ToString() + ", which is no cell's type");
    return std::static_pointer_cast<arrow::LargeStringArray>(*text);
  }

  std::string file_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::shared_ptr<arrow::RecordBatchReader> batches_;
  std::vector<std::string> header_;
  std::vector<std::shared_ptr<arrow::LargeStringArray>> columns_;
  std::vector<std::string_view> cells_;
  std::int64_t at_ = 0, rows_ = 0;
  std::uint64_t row_ = 0, all_rows_ = 0, bytes_ = 0;
};

}  // namespace

std::unique_ptr<Table> open_parquet(const fs::path& path, const TableFormat&) {
  return std::make_unique<ParquetTable>(path);
}

}  // namespace cangong
