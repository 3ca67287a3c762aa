#include <arrow/api.h>
#include <arrow/io/api.h>
#include <fcntl.h>
#include <parquet/arrow/writer.h>
#include <unistd.h>

#include "base/error.h"
#include "timeline/arrow_check.h"
#include "timeline/shard.h"

namespace cangong {
namespace {

constexpr std::int64_t kRowsPerBlock = 65536;
constexpr std::int64_t kTextPerBlock = 8 << 20;         // bytes
constexpr std::int64_t kMostRowsOfPatient = 5'000'000;  // held in memory, here and by readers

std::shared_ptr<arrow::Schema> data_schema() {
  const auto us = arrow::timestamp(arrow::TimeUnit::MICRO);
  return arrow::schema({arrow::field("subject_id", arrow::int64(), false), arrow::field("time", us),
                        arrow::field("code", arrow::utf8(), false),
                        arrow::field("numeric_value", arrow::float32()),
                        arrow::field("text_value", arrow::large_utf8()),
                        arrow::field("occurred", us), arrow::field("unit", arrow::utf8())});
}

void add_bytes(std::string& bytes, const auto& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void add_text(std::string& bytes, std::string_view text) {
  add_bytes(bytes, static_cast<std::uint64_t>(text.size()));
  bytes.append(text);
}

void add_time(std::string& bytes, const std::optional<Time>& time) {
  add_bytes(bytes, static_cast<std::uint8_t>(time.has_value()));
  if (time) add_bytes(bytes, time->time_since_epoch().count());
}

}  // namespace

void add_row(Hasher& hasher, PatientId patient, const Event& event, const std::string& code) {
  thread_local std::string bytes;
  bytes.clear();
  add_bytes(bytes, patient.for_storage());
  add_time(bytes, event.time);
  add_time(bytes, event.occurred);
  add_text(bytes, code);
  add_bytes(bytes, static_cast<std::uint8_t>(event.number.has_value()));
  if (event.number) add_bytes(bytes, *event.number);
  add_text(bytes, event.unit);
  add_text(bytes, event.text);
  hasher.add(bytes);
}

struct ShardWriter::State {
  State(std::string file, const CodeBook& codes) : file(std::move(file)), codes(codes) {}
  std::string file;
  const CodeBook& codes;
  std::shared_ptr<arrow::Schema> schema = data_schema();
  std::shared_ptr<arrow::io::FileOutputStream> out;
  std::unique_ptr<parquet::arrow::FileWriter> writer;
  arrow::Int64Builder subject;
  arrow::TimestampBuilder time{arrow::timestamp(arrow::TimeUnit::MICRO),
                               arrow::default_memory_pool()};
  arrow::StringBuilder code;
  arrow::FloatBuilder number;
  arrow::LargeStringBuilder text;
  arrow::TimestampBuilder occurred{arrow::timestamp(arrow::TimeUnit::MICRO),
                                   arrow::default_memory_pool()};
  arrow::StringBuilder unit;
  std::optional<PatientId> last;
  std::int64_t first_row = 0;  // of the last patient, in this block
  Hasher hasher;

  void check(const arrow::Status& status) const { check_arrow(status, Fault::storage, file); }

  void flush() {
    if (subject.length() == 0) return;
    arrow::ArrayVector columns(7);
    const std::int64_t rows = subject.length();
    check(subject.Finish(&columns[0]));
    check(time.Finish(&columns[1]));
    check(code.Finish(&columns[2]));
    check(number.Finish(&columns[3]));
    check(text.Finish(&columns[4]));
    check(occurred.Finish(&columns[5]));
    check(unit.Finish(&columns[6]));
    check(writer->WriteTable(*arrow::Table::Make(schema, columns, rows), rows));
  }
};

ShardWriter::ShardWriter(const fs::path& path, const CodeBook& codes)
    : state_(std::make_unique<State>(path.string(), codes)) {
  State& s = *state_;
  s.out = take_arrow(arrow::io::FileOutputStream::Open(s.file), Fault::storage, s.file);
  const auto properties = parquet::WriterProperties::Builder()
                              .compression(parquet::Compression::ZSTD)
                              ->compression_level(1)
                              ->enable_page_checksum()
                              ->created_by("cangong")
                              ->build();
  const auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
  s.writer = take_arrow(parquet::arrow::FileWriter::Open(*s.schema, arrow::default_memory_pool(),
                                                         s.out, properties, arrow_properties),
                        Fault::storage, s.file);
}

ShardWriter::~ShardWriter() = default;
ShardWriter::ShardWriter(ShardWriter&&) noexcept = default;

void ShardWriter::add(PatientId patient, const Event& event) {
  State& s = *state_;
  if (s.last != patient) {
    if (s.subject.length() >= kRowsPerBlock || s.text.value_data_length() >= kTextPerBlock)
      s.flush();
    s.first_row = s.subject.length();
  } else if (s.subject.length() - s.first_row >= kMostRowsOfPatient) {
    fail(Fault::input,
         "a patient has more than 5,000,000 rows, which is no single person's record; nothing was "
         "imported: see which column the mapping names as the patient");
  }
  s.last = patient;
  const std::string& code = s.codes.name(event.code);
  add_row(s.hasher, patient, event, code);
  s.check(s.subject.Append(patient.for_storage()));
  s.check(event.time ? s.time.Append(event.time->time_since_epoch().count()) : s.time.AppendNull());
  s.check(s.code.Append(code));
  s.check(event.number ? s.number.Append(*event.number) : s.number.AppendNull());
  s.check(event.text.empty() ? s.text.AppendNull() : s.text.Append(event.text));
  s.check(event.occurred ? s.occurred.Append(event.occurred->time_since_epoch().count())
                         : s.occurred.AppendNull());
  s.check(event.unit.empty() ? s.unit.AppendNull() : s.unit.Append(event.unit));
}

Digest ShardWriter::finish() {
  State& s = *state_;
  s.flush();
  s.check(s.writer->Close());
  s.check(s.out->Close());
  const int file = ::open(s.file.c_str(), O_RDONLY | O_CLOEXEC);
  if (file >= 0) {
    ::fsync(file);
    ::close(file);
  }
  return s.hasher.finish();
}

}  // namespace cangong
