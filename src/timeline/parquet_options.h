// How small tables are written as Parquet. Included by sources only, behind parquet/arrow/writer.h.
#pragma once

#include <memory>

namespace cangong {

inline std::shared_ptr<parquet::WriterProperties> table_properties() {
  return parquet::WriterProperties::Builder()
      .compression(parquet::Compression::ZSTD)
      ->enable_page_checksum()
      ->created_by("cangong")
      ->build();
}
inline std::shared_ptr<parquet::ArrowWriterProperties> arrow_table_properties() {
  return parquet::ArrowWriterProperties::Builder().store_schema()->build();
}

}  // namespace cangong
