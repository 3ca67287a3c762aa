#include "timeline/meds_tables.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/io/api.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>

#include "timeline/arrow_check.h"
#include "timeline/parquet_options.h"

namespace cangong {
namespace {

std::shared_ptr<arrow::Table> read_table(const fs::path& file) {
  if (!fs::exists(file)) fail(Fault::missing, "no such file: " + file.string());
  const std::string why = file.string() + ": not a whole Parquet file";
  auto input = take_arrow(arrow::io::ReadableFile::Open(file.string()), Fault::storage, why);
  parquet::arrow::FileReaderBuilder builder;
  check_arrow(builder.Open(input), Fault::input, why);
  auto reader =
      take_arrow(builder.properties(reading_in_place<parquet::ArrowReaderProperties>())->Build(),
                 Fault::input, why);
  auto table = take_arrow(reader->ReadTable(), Fault::input, why);
  return take_arrow(table->CombineChunks(), Fault::input, why);
}

void write_table(const fs::path& file, const std::shared_ptr<arrow::Schema>& schema,
                 const arrow::ArrayVector& columns) {
  const fs::path part = file.string() + ".part";
  struct Sweep {  // nothing half-written stays
    fs::path part;
    ~Sweep() {
      std::error_code ignored;
      fs::remove(part, ignored);
    }
  } sweep{part};
  auto out =
      take_arrow(arrow::io::FileOutputStream::Open(part.string()), Fault::storage, part.string());
  check_arrow(
      parquet::arrow::WriteTable(*arrow::Table::Make(schema, columns), arrow::default_memory_pool(),
                                 out, 1 << 20, table_properties(), arrow_table_properties()),
      Fault::storage, file.string());
  check_arrow(out->Close(), Fault::storage, file.string());
  fs::rename(part, file);
}

// The column cast to `type`, in one chunk; null where the table has no such column or no rows.
template <class ArrayType>
std::shared_ptr<ArrayType> column(const arrow::Table& table, const std::string& name,
                                  const std::shared_ptr<arrow::DataType>& type,
                                  const fs::path& file) {
  const auto found = table.GetColumnByName(name);
  if (!found || found->num_chunks() == 0) return nullptr;
  const std::string why = file.string() + ": column " + name;
  auto options = arrow::compute::CastOptions::Safe(type);
  options.allow_time_truncate = true;
  options.allow_float_truncate = true;
  const auto result = take_arrow(arrow::compute::Cast(found->chunk(0), options), Fault::input, why);
  return std::static_pointer_cast<ArrayType>(result.make_array());
}

void want(bool present, const fs::path& file, const char* name) {
  if (!present) fail(Fault::input, file.string() + ": column " + name + " is missing");
}

template <class Builder>
std::shared_ptr<arrow::Array> finish(Builder& builder) {
  return take_arrow(builder.Finish(), Fault::internal, "arrow");
}

}  // namespace

std::vector<CodeInfo> read_codes(const fs::path& file) {
  const auto table = read_table(file);
  const auto codes = column<arrow::StringArray>(*table, "code", arrow::utf8(), file);
  if (!codes) {
    want(table->GetColumnByName("code") != nullptr, file, "code");
    return {};
  }
  const auto texts = column<arrow::StringArray>(*table, "description", arrow::utf8(), file);
  const auto parents =
      column<arrow::ListArray>(*table, "parent_codes", arrow::list(arrow::utf8()), file);
  std::vector<CodeInfo> infos(static_cast<std::size_t>(codes->length()));
  for (std::int64_t i = 0; i < codes->length(); ++i) {
    CodeInfo& info = infos[static_cast<std::size_t>(i)];
    info.code = codes->GetString(i);
    if (texts && !texts->IsNull(i)) info.description = texts->GetString(i);
    if (!parents || parents->IsNull(i)) continue;
    const auto& values = static_cast<const arrow::StringArray&>(*parents->values());
    for (auto k = parents->value_offset(i); k < parents->value_offset(i + 1); ++k)
      info.parents.push_back(values.GetString(k));
  }
  return infos;
}

void write_codes(const fs::path& file, const std::vector<CodeInfo>& codes) {
  arrow::StringBuilder code, text;
  const auto parent = std::make_shared<arrow::StringBuilder>();
  arrow::ListBuilder parents(arrow::default_memory_pool(), parent);
  const auto check = [&](const arrow::Status& s) { check_arrow(s, Fault::internal, "arrow"); };
  for (const auto& info : codes) {
    check(code.Append(info.code));
    check(info.description.empty() ? text.AppendNull() : text.Append(info.description));
    check(info.parents.empty() ? parents.AppendNull() : parents.Append());
    for (const auto& name : info.parents) check(parent->Append(name));
  }
  const auto schema = arrow::schema({arrow::field("code", arrow::utf8(), false),
                                     arrow::field("description", arrow::utf8()),
                                     arrow::field("parent_codes", arrow::list(arrow::utf8()))});
  write_table(file, schema, {finish(code), finish(text), finish(parents)});
}

Splits read_splits(const fs::path& file) {
  const auto table = read_table(file);
  const auto subjects = column<arrow::Int64Array>(*table, "subject_id", arrow::int64(), file);
  const auto names = column<arrow::StringArray>(*table, "split", arrow::utf8(), file);
  Splits splits;
  if (!subjects || !names) return splits;
  for (std::int64_t i = 0; i < subjects->length(); ++i)
    if (!splits.emplace(PatientId(subjects->Value(i)), names->GetString(i)).second)
      fail(Fault::input, file.string() + ": a subject stands twice");
  return splits;
}

void write_splits(const fs::path& file, const Splits& splits) {
  arrow::Int64Builder subject;
  arrow::StringBuilder name;
  for (const auto& [patient, split] : splits) {
    check_arrow(subject.Append(patient.for_storage()), Fault::internal, "arrow");
    check_arrow(name.Append(split), Fault::internal, "arrow");
  }
  const auto schema = arrow::schema({arrow::field("subject_id", arrow::int64(), false),
                                     arrow::field("split", arrow::utf8(), false)});
  write_table(file, schema, {finish(subject), finish(name)});
}

namespace {

struct LabelColumns {
  std::shared_ptr<arrow::BooleanArray> boolean;
  std::shared_ptr<arrow::Int64Array> integer;
  std::shared_ptr<arrow::DoubleArray> real;
  std::shared_ptr<arrow::StringArray> category;

  template <class A>
  static bool has(const std::shared_ptr<A>& array, std::int64_t i) {
    return array && !array->IsNull(i);
  }

  std::optional<Label> at(std::int64_t i) const {
    if (has(boolean, i)) return boolean->Value(i);
    if (has(real, i) && has(integer, i))
      return Survival{real->Value(i), static_cast<int>(integer->Value(i))};
    if (has(real, i)) return real->Value(i);
    if (has(integer, i)) return integer->Value(i);
    if (has(category, i)) return category->GetString(i);
    return std::nullopt;
  }
};

void read_label_file(const fs::path& file, std::vector<LabelRow>& rows) {
  const auto table = read_table(file);
  if (table->num_rows() == 0) return;
  const auto subjects = column<arrow::Int64Array>(*table, "subject_id", arrow::int64(), file);
  const auto us = arrow::timestamp(arrow::TimeUnit::MICRO);
  const auto times = column<arrow::TimestampArray>(*table, "prediction_time", us, file);
  want(subjects != nullptr, file, "subject_id");
  want(times != nullptr, file, "prediction_time");
  LabelColumns labels{column<arrow::BooleanArray>(*table, "boolean_value", arrow::boolean(), file),
                      column<arrow::Int64Array>(*table, "integer_value", arrow::int64(), file),
                      column<arrow::DoubleArray>(*table, "float_value", arrow::float64(), file),
                      column<arrow::StringArray>(*table, "categorical_value", arrow::utf8(), file)};
  for (std::int64_t i = 0; i < subjects->length(); ++i) {
    if (subjects->IsNull(i) || times->IsNull(i))
      fail(Fault::input, file.string() + ": row " + std::to_string(i + 1) +
                             ": subject_id and prediction_time must not be null");
    rows.push_back({PatientId(subjects->Value(i)), Time(Duration(times->Value(i))), labels.at(i)});
  }
}

}  // namespace

std::vector<LabelRow> read_labels(const fs::path& folder) {
  std::vector<LabelRow> rows;
  for (const auto& file : files_below(folder))
    if (file.extension() == ".parquet") read_label_file(file, rows);
  return rows;
}

void write_labels(const fs::path& file, const std::vector<LabelRow>& rows) {
  arrow::Int64Builder subject, integer;
  arrow::TimestampBuilder time(arrow::timestamp(arrow::TimeUnit::MICRO),
                               arrow::default_memory_pool());
  arrow::BooleanBuilder boolean;
  arrow::FloatBuilder real;
  arrow::StringBuilder category;
  const auto check = [](const arrow::Status& s) { check_arrow(s, Fault::internal, "arrow"); };
  for (const auto& row : rows) {
    check(subject.Append(row.patient.for_storage()));
    check(time.Append(row.when.time_since_epoch().count()));
    if (!row.label) continue;
    if (const auto* yes = std::get_if<bool>(&*row.label)) check(boolean.Append(*yes));
    if (const auto* n = std::get_if<std::int64_t>(&*row.label)) check(integer.Append(*n));
    if (const auto* x = std::get_if<double>(&*row.label))
      check(real.Append(static_cast<float>(*x)));
    if (const auto* word = std::get_if<std::string>(&*row.label)) check(category.Append(*word));
    if (const auto* survival = std::get_if<Survival>(&*row.label)) {
      check(real.Append(static_cast<float>(survival->days)));
      check(integer.Append(survival->cause));
    }
  }
  const auto us = arrow::timestamp(arrow::TimeUnit::MICRO);
  arrow::FieldVector fields{arrow::field("subject_id", arrow::int64(), false),
                            arrow::field("prediction_time", us, false)};
  arrow::ArrayVector columns{finish(subject), finish(time)};
  const auto add = [&](const char* name, auto& builder, auto type) {
    const auto length = builder.length();
    if (length == 0 && !(rows.empty() && std::string_view(name) == "boolean_value")) return;
    ensure(static_cast<std::size_t>(length) == rows.size(), "all rows have the same kind of label");
    fields.push_back(arrow::field(name, type, false));
    columns.push_back(finish(builder));
  };
  add("boolean_value", boolean, arrow::boolean());
  add("integer_value", integer, arrow::int64());
  add("float_value", real, arrow::float32());
  add("categorical_value", category, arrow::utf8());
  write_table(file, arrow::schema(fields), columns);
}

}  // namespace cangong
